"""Tables with a value per training example, and images as variables.

A table has a row for each training example, addressed by the example's index.
Images are bytes, which TensorFlow cannot broadcast between hosts: four bytes
are packed into one int32.
"""

import math

import keras
import numpy as np
import tensorflow as tf

from fsr_gdw_tf.distribution import collectives
from fsr_gdw_tf.errors import InvalidInput

# A table or a dictionary lies in the memory of each device, beside the network.
TABLE_GIB = 1.0
DICTIONARY_GIB = 2.0


def require_same_examples(layer: keras.layers.Layer, source) -> None:
    """Raise if the layer has state for other examples, or other labels."""
    labels = getattr(layer, "example_labels", source.labels)
    if not np.array_equal(labels, source.labels):
        raise InvalidInput(
            f"{type(layer).__name__} has state for each of {len(labels)} "
            f"examples and got {len(source)} with other labels or in another "
            "order; build a new classifier around the model to train on them"
        )
    layer.example_labels = source.labels


def require_indices(name: str, source) -> None:
    """Raise if the examples have no indices; `name` is what needs them."""
    if source is None:
        raise InvalidInput(
            f"{name} has state for each example and needs stable indices: "
            "pass arrays, a Source or a finite dataset to fit (or choose a "
            "method without such state, such as Supervised())"
        )


def class_counts(name: str, source) -> np.ndarray:
    """Return the number of examples of each class; raise for a dataset."""
    if source is None:
        raise InvalidInput(
            f"{name} counts the classes before training: pass arrays, a "
            "Source or a finite dataset to fit"
        )
    return source.counts()


def retrace_if_changed(
    classifier: keras.Model,
    old: np.ndarray | int | None,
    new: np.ndarray | int,
) -> np.ndarray | int:
    """Return `new`; if it differs from `old`, have the step traced again.

    For numbers that the traced step holds as constants.
    """
    if old is not None and np.any(old != new):
        classifier.train_function = None
    return new


def require_table_fits(shape: tuple[int, ...], remedy: str) -> None:
    """Raise if a float32 table of this shape is larger than `TABLE_GIB`."""
    gib = 4 * math.prod(shape) / 2**30
    if gib > TABLE_GIB:
        raise InvalidInput(
            f"a table of {' x '.join(map(str, shape))} numbers takes {gib:.1f} "
            f"GiB on each device, more than {TABLE_GIB}; {remedy}"
        )


def example_table(
    layer: keras.layers.Layer,
    name: str,
    n: int,
    value: float,
    *width: int,
    **kwargs,
) -> keras.Variable:
    """Create a variable `[n, *width]` of the layer, filled with `value`.

    Each replica has a copy; `scatter_rows` keeps the copies equal. `remedy`
    ends the error message if the table is too large; other keyword arguments
    go to `add_weight`.
    """
    remedy = kwargs.pop("remedy", "train on fewer examples")
    shape = (n, *width)
    require_table_fits(shape, remedy)
    return layer.add_weight(
        shape=shape,
        initializer=keras.initializers.Constant(value),
        trainable=False,
        aggregation="none",
        name=name,
        **kwargs,
    )


def dense_rows(
    values: tf.Tensor, classes: tf.Tensor, n_classes: int
) -> tf.Tensor:
    """Return `[batch, n_classes]`: values at their classes, zero elsewhere.

    `values` and `classes` are `[batch, k]`; a class of -1 is skipped.
    """
    batch = tf.shape(classes)[0]
    row = tf.repeat(tf.range(batch, dtype=classes.dtype), classes.shape[1])
    cells = tf.stack([row, tf.reshape(tf.maximum(classes, 0), [-1])], axis=1)
    values = tf.where(classes >= 0, values, tf.zeros_like(values))
    shape = tf.cast(tf.stack([batch, n_classes]), classes.dtype)
    return tf.scatter_nd(cells, tf.reshape(values, [-1]), shape)


def update_top_means(
    old: tf.Tensor, probs: tf.Tensor, share: tf.Tensor
) -> tf.Tensor:
    """Return the largest mean probabilities of each example, and their classes.

    `old` and the result are `[batch, 2 k]`: k means, then k classes. `share`,
    `[batch, 1]`, is that of the new probabilities in the mean. A class that was
    not stored is taken to have had the mean zero.
    """
    means, classes = tf.split(old, 2, axis=1)
    k, n_classes = means.shape[1], probs.shape[-1]
    mean = dense_rows(means, tf.cast(classes, tf.int64), n_classes)
    mean += share * (probs - mean)
    means, classes = tf.math.top_k(mean, k)
    return tf.concat([means, tf.cast(classes, means.dtype)], axis=1)


def require_dictionary_fits(members: int, example: np.ndarray) -> None:
    """Raise if the members' inputs are larger than `DICTIONARY_GIB`."""
    gib = members * example.nbytes / 2**30
    if gib > DICTIONARY_GIB:
        shape = " x ".join(map(str, example.shape))
        raise InvalidInput(
            f"a dictionary of {members} inputs of {shape} ({example.dtype}) "
            f"takes {gib:.3g} GiB on each device, more than {DICTIONARY_GIB}; "
            "lower its size"
        )


def pack_bytes(rows: np.ndarray) -> np.ndarray:
    """Pack uint8 rows into int32 rows, zero-padded; return others as is."""
    if rows.dtype != np.uint8:
        return rows
    flat = rows.reshape(len(rows), -1)
    padding = -flat.shape[1] % 4
    return np.pad(flat, ((0, 0), (0, padding))).view(np.int32)


def unpack_bytes(rows: tf.Tensor, like: tf.TensorSpec) -> tf.Tensor:
    """Undo `pack_bytes`; `like` is the spec of one example."""
    if rows.dtype == like.dtype:
        return rows
    flat = tf.reshape(tf.bitcast(rows, tf.uint8), [-1, 4 * rows.shape[1]])
    size = like.shape.num_elements()
    return tf.reshape(flat[:, :size], [-1, *like.shape])


def scatter_rows(
    table: keras.Variable, index: tf.Tensor, rows: tf.Tensor
) -> None:
    """Assign table[index] = rows on all replicas; indices must be distinct.

    Each replica writes the rows of all replicas into its own copy, so that the
    batch is sent, not the table, which must have aggregation="none".
    """
    rows = tf.cast(rows, table.dtype)
    if collectives.replicas() > 1:
        index, rows = (
            collectives.all_gather(tf.cast(index, tf.int32)),
            collectives.all_gather(rows),
        )
    table.value.scatter_update(tf.IndexedSlices(rows, index))


def scatter_rows_by_key(
    table: keras.Variable, keys: tf.Tensor, index: tf.Tensor, rows: tf.Tensor
) -> None:
    """Assign table[i] = the batch's row whose index is keys[i], if any.

    For a table of a few examples. Each replica has a part of the batch and
    adds the change of its rows, so the table must have aggregation="sum".
    """
    same = keys[:, None] == tf.cast(index, keys.dtype)[None]
    present = tf.reduce_any(same, axis=1, keepdims=True)
    rows = tf.cast(tf.stop_gradient(rows), table.dtype)
    new = tf.gather(rows, tf.argmax(tf.cast(same, tf.int32), axis=1))
    change = tf.where(present, new - table.value, tf.zeros_like(new))
    table.value.assign_add(change)
