"""Find inputs that are not finite before they spoil the weights."""

import numpy as np
import tensorflow as tf

from fsr_gdw_tf.data.source import ArrayReader, Source
from fsr_gdw_tf.errors import InvalidInput

ROWS = 4096  # looked at together: the mask of all could fill the memory


def require_finite(source: Source, what: str) -> None:
    """Raise if inputs in memory hold NaN or infinity; name the first one.

    Inputs that are read from files are not looked at: images have none, and a
    training that diverges is stopped.
    """
    if not isinstance(source.reader, ArrayReader):
        return
    parts = tf.nest.flatten(source.reader.inputs)
    floats = [part for part in parts if part.dtype.is_floating]
    if not floats:
        return
    spoilt = np.any(
        [_rows_that_are_not_finite(part) for part in floats], axis=0
    )
    found = np.flatnonzero(spoilt[source.rows])
    if len(found):
        raise InvalidInput(
            f"{len(found)} of {len(source)} {what} hold numbers that are not "
            f"finite (NaN or infinity), the first is example "
            f"{source.name(found[0])}; remove or replace them"
        )


def _rows_that_are_not_finite(part: tf.Tensor) -> np.ndarray:
    rows = []
    for start in range(0, len(part), ROWS):
        block = tf.math.is_finite(part[start : start + ROWS]).numpy()
        rows.append(~block.reshape(len(block), -1).all(axis=1))
    return np.concatenate(rows)
