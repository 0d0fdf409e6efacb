"""State that is too large or too odd for a plain variable.

A row for each training example, addressed by its index; and images, which are
bytes: hosts send each other the first value of a variable, and have no way to
send bytes, so four of them travel and lie as one int32.
"""

import math

import keras
import numpy as np
import tensorflow as tf

from fsr_gdw_tf.distribution import collectives
from fsr_gdw_tf.errors import InvalidInput

TABLE_GIB = 1.0
DICTIONARY_GIB = 2.0


def require_same_examples(part, source) -> None:
    """Refuse other examples, or labels, than those there are books on."""
    known = getattr(part, "known_labels", source.labels)
    if not np.array_equal(known, source.labels):
        raise InvalidInput(
            f"{type(part).__name__} keeps books on each of {len(known)} "
            f"examples and got {len(source)} with other labels or in another "
            "order; build a new classifier around the model to go on with them"
        )
    part.known_labels = source.labels


def require_indices(who: str, source) -> None:
    """Refuse data without a stable number for each example."""
    if source is None:
        raise InvalidInput(
            f"{who} keeps books on each example and needs stable indices: pass "
            "arrays or a Source to fit, not a dataset (or choose a method "
            "without a memory, such as Supervised())"
        )


def class_counts(who: str, source) -> np.ndarray:
    """How many examples each class has; refuses data that do not say so."""
    if source is None:
        raise InvalidInput(
            f"{who} counts the classes before training: pass arrays or a "
            "Source to fit, not a dataset"
        )
    return source.counts()


def retrace_if_changed(classifier, old, new):
    """`new`; a step that holds another number as a constant is traced anew."""
    if old is not None and np.any(old != new):
        classifier.train_function = None
    return new


def require_table_fits(shape: tuple[int, ...], remedy: str) -> None:
    """Refuse a table that does not fit, with the figure."""
    gib = 4 * math.prod(shape) / 2**30
    if gib > TABLE_GIB:
        raise InvalidInput(
            f"a table of {' x '.join(map(str, shape))} numbers takes {gib:.1f} "
            f"GiB on each device, more than {TABLE_GIB}; {remedy}"
        )


def example_table(
    part, name: str, n: int, value: float, *width: int, **kwargs
) -> keras.Variable:
    """A number (or `width` of them) per training example, on all replicas."""
    remedy = kwargs.pop("remedy", "train on fewer examples")
    shape = (n, *width)
    require_table_fits(shape, remedy)
    return part.add_weight(
        shape=shape,
        initializer=keras.initializers.Constant(value),
        trainable=False,
        aggregation="none",
        name=name,
        **kwargs,
    )


def dense_rows(values: tf.Tensor, places: tf.Tensor, classes: int) -> tf.Tensor:
    """`[batch, classes]` of the few values that are kept, and their classes.

    A class of -1 is none.
    """
    batch = tf.shape(places)[0]
    row = tf.repeat(tf.range(batch, dtype=places.dtype), places.shape[1])
    cells = tf.stack([row, tf.reshape(tf.maximum(places, 0), [-1])], axis=1)
    values = tf.where(places >= 0, values, tf.zeros_like(values))
    shape = tf.cast(tf.stack([batch, classes]), places.dtype)
    return tf.scatter_nd(cells, tf.reshape(values, [-1]), shape)


def require_dictionary_fits(members: int, example: np.ndarray) -> None:
    """Refuse members of a dictionary that will not fit, with the figure."""
    gib = members * example.nbytes / 2**30
    if gib > DICTIONARY_GIB:
        shape = " x ".join(map(str, example.shape))
        raise InvalidInput(
            f"a dictionary of {members} inputs of {shape} ({example.dtype}) "
            f"takes {gib:.3g} GiB on each device, more than {DICTIONARY_GIB}; "
            "lower its size"
        )


def pack_bytes(rows: np.ndarray) -> np.ndarray:
    """Rows of bytes as rows of int32, filled up; all else as it is."""
    if rows.dtype != np.uint8:
        return rows
    flat = rows.reshape(len(rows), -1)
    fill = -flat.shape[1] % 4
    return np.pad(flat, ((0, 0), (0, fill))).view(np.int32)


def unpack_bytes(rows: tf.Tensor, like: tf.TensorSpec) -> tf.Tensor:
    """The rows that were packed, each of them like an example."""
    if rows.dtype == like.dtype:
        return rows
    flat = tf.reshape(tf.bitcast(rows, tf.uint8), [-1, 4 * rows.shape[1]])
    size = like.shape.num_elements()
    return tf.reshape(flat[:, :size], [-1, *like.shape])


def scatter_rows(table, index: tf.Tensor, rows: tf.Tensor) -> None:
    """table[index] <- rows, on all replicas; no index twice in a batch.

    Each replica writes the rows of all into a copy of its own, so that the
    cost is that of a batch; the table is created with aggregation="none".
    """
    rows = tf.cast(rows, table.dtype)
    if collectives.replicas() > 1:
        index, rows = (
            collectives.all_gather(tf.cast(index, tf.int32)),
            collectives.all_gather(rows),
        )
    table.value.scatter_update(tf.IndexedSlices(rows, index))


def scatter_rows_by_key(
    table, owners: tf.Tensor, index: tf.Tensor, rows
) -> None:
    """table[i] <- the row of owners[i], of those who are in this batch.

    For a few owners of many examples. Each replica sees a part of the batch:
    the table is created with aggregation="sum", and what changes is added.
    """
    same = owners[:, None] == tf.cast(index, owners.dtype)[None]
    present = tf.reduce_any(same, axis=1, keepdims=True)
    rows = tf.cast(tf.stop_gradient(rows), table.dtype)
    mine = tf.gather(rows, tf.argmax(tf.cast(same, tf.int32), axis=1))
    change = tf.where(present, mine - table.value, tf.zeros_like(mine))
    table.value.assign_add(change)
