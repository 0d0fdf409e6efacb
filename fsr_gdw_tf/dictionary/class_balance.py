"""Class balance of a dictionary: its size and its reward batches.

Pure functions, on NumPy arrays except for `balanced_draw`, which is part of the
train step.
"""

import numpy as np
import tensorflow as tf

from fsr_gdw_tf.errors import InvalidInput

MAX_MEMBERS = 2000  # limit of the default size, unless there are more classes


def default_size(n: int, classes: int) -> int:
    """Return a sixth of the examples, at most MAX_MEMBERS, equal per class."""
    per_class = max(1, min(n // (6 * classes), MAX_MEMBERS // classes))
    return min(per_class * classes, n)


def check_size(size: int, n: int, classes: int, rotate: bool) -> None:
    """Raise if a dictionary of this size cannot be filled class-balanced."""
    if size > n:
        raise InvalidInput(
            f"a dictionary of {size} is larger than the training set of {n} "
            "examples; lower its size"
        )
    if size < 1 or (size < classes and not rotate):
        raise InvalidInput(
            f"a dictionary of {size} has no room for an example of each of "
            f"{classes} classes; raise its size, or pass rotate=True to let "
            "classes take turns"
        )


def default_reward_batch(batch_size: int, size: int, classes: int) -> int:
    """Return about the batch size: a multiple of the classes, or fewer."""
    batch = min(max(batch_size, 1), size)
    return batch // classes * classes or batch


def check_reward_batch(batch: int, size: int, classes: int) -> None:
    """Raise if a reward batch cannot be class-balanced, or drawn."""
    if not 0 < batch <= size:
        raise InvalidInput(
            f"a reward batch of {batch} cannot be drawn from a dictionary of "
            f"{size}; take 1 to {size}"
        )
    if batch > classes and batch % classes:
        lower = batch // classes * classes
        valid = [k for k in (lower, lower + classes) if k <= size]
        raise InvalidInput(
            f"a reward batch of {batch} cannot hold the same number of each "
            f"of {classes} classes; take {' or '.join(map(str, valid))}"
        )


def balanced_draw(
    u: tf.Tensor, labels: tf.Tensor, classes: int, size: int
) -> tf.Tensor:
    """Draw a class-balanced batch of members, without repeats if possible.

    `labels` are the members' classes; `u` holds a uniform random number for
    each member, then one for each class. With `size` below the number of
    classes each drawn member has a different class.
    """
    slots = labels.shape[0]
    # Sorted by class, in random order within each class.
    order = tf.argsort(u[:slots])
    by_class = tf.argsort(tf.gather(labels, order), stable=True)
    order = tf.gather(order, by_class)
    ones = tf.ones_like(labels)
    counts = tf.math.unsorted_segment_sum(ones, labels, classes)
    starts = tf.cumsum(counts, exclusive=True)
    if size >= classes:
        per_class = size // classes
        chosen = tf.constant(np.repeat(np.arange(classes), per_class))
        rank = tf.constant(np.tile(np.arange(per_class), classes))
    else:  # random classes; those without members come last
        absent = tf.cast(counts == 0, u.dtype)
        chosen = tf.argsort(u[slots:] + absent)[:size]
        rank = tf.zeros_like(chosen)
    # Classes with too few members repeat them.
    rank = tf.cast(rank, counts.dtype) % tf.gather(counts, chosen)
    return tf.gather(order, tf.gather(starts, chosen) + rank)
