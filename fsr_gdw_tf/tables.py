"""State with a row for each training example, addressed by its index."""

import math

import keras
import numpy as np

from fsr_gdw_tf.errors import BadInput

TABLE_GIB = 1.0


def require_same(part, source) -> None:
    """Refuse other examples, or labels, than those there are books on."""
    known = getattr(part, "known_labels", source.labels)
    if not np.array_equal(known, source.labels):
        raise BadInput(
            f"{type(part).__name__} keeps books on each of {len(known)} "
            f"examples and got {len(source)} with other labels or in another "
            "order; build a new classifier around the model to go on with them"
        )
    part.known_labels = source.labels


def require_indices(who: str, source) -> None:
    """Refuse data without a stable number for each example."""
    if source is None:
        raise BadInput(
            f"{who} keeps books on each example and needs stable indices: pass "
            "arrays or a Source to fit, not a dataset (or choose a method "
            "without a memory, such as Supervised())"
        )


def example_table(
    part, name: str, n: int, value: float, *width: int, **kwargs
) -> keras.Variable:
    """A number (or `width` of them) per training example, on all replicas."""
    remedy = kwargs.pop("remedy", "train on fewer examples")
    shape = (n, *width)
    gib = 4 * math.prod(shape) / 2**30
    if gib > TABLE_GIB:
        raise BadInput(
            f"a table of {' x '.join(map(str, shape))} numbers takes {gib:.1f} "
            f"GiB on each device, more than {TABLE_GIB}; {remedy}"
        )
    return part.add_weight(
        shape=shape,
        initializer=keras.initializers.Constant(value),
        trainable=False,
        aggregation="sum",
        name=name,
        **kwargs,
    )
