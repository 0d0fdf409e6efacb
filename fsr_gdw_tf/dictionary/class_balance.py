"""Class balance: how large a dictionary is, who is in it, what is drawn.

Pure functions, on NumPy arrays but for `balanced_draw`, which is part of the
train step.
"""

import numpy as np
import tensorflow as tf

from fsr_gdw_tf.errors import InvalidInput

MAX_MEMBERS = (
    2000  # members, unless there are more classes or somebody asks for them
)


def default_size(n: int, classes: int) -> int:
    """A sixth of the examples, the same of each class, at most 2,000."""
    share = max(1, min(n // (6 * classes), MAX_MEMBERS // classes))
    return min(share * classes, n)


def check_size(size: int, n: int, classes: int, rotate: bool) -> None:
    """Refuse a dictionary that the data, or the classes, do not fit."""
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
    """About a training batch: a multiple of the classes, or one of each."""
    batch = min(max(batch_size, 1), size)
    return batch // classes * classes or batch


def check_reward_batch(batch: int, size: int, classes: int) -> None:
    """Refuse a reward batch that cannot be balanced or drawn."""
    if not 0 < batch <= size:
        raise InvalidInput(
            f"a reward batch of {batch} cannot be drawn from a dictionary of "
            f"{size}; take 1 to {size}"
        )
    if batch > classes and batch % classes:
        lower = batch // classes * classes
        fitting = [k for k in (lower, lower + classes) if k <= size]
        raise InvalidInput(
            f"a reward batch of {batch} cannot hold the same number of each "
            f"of {classes} classes; take {' or '.join(map(str, fitting))}"
        )


def members_per_class(counts: np.ndarray, size: int) -> np.ndarray:
    """How many members each class has: size // classes, or all it has."""
    return np.minimum(counts, size // len(counts))


def rotating_members(
    classes: int, size: int, epoch: int, seed: int
) -> np.ndarray:
    """Places where there are fewer of them than classes: in turns, one each."""
    order = np.random.default_rng(seed).permutation(classes)
    chosen = order[(epoch * size + np.arange(size)) % classes]
    return np.isin(np.arange(classes), chosen).astype(int)


def top_per_class(
    labels: np.ndarray, rank: list[np.ndarray], taken: np.ndarray
) -> np.ndarray:
    """The first `taken[c]` of each class c; the last array ranks first."""
    order = np.lexsort([*rank, labels])
    counts = np.bincount(labels, minlength=len(taken))
    starts = np.cumsum(counts) - counts
    place = np.arange(len(labels)) - np.repeat(starts, counts)
    return order[place < taken[labels[order]]]


def balanced_draw(u: tf.Tensor, labels: tf.Tensor, classes: int, size: int):
    """Slots of a balanced batch, without repeats if possible.

    `labels` are the classes of the slots; `u` holds a uniform number for each
    slot, then one for each class. If `size` is less than the classes, each
    slot is of another class.
    """
    slots = labels.shape[0]
    # By class, and in random order within.
    order = tf.argsort(u[:slots])
    by_class = tf.argsort(tf.gather(labels, order), stable=True)
    order = tf.gather(order, by_class)
    ones = tf.ones_like(labels)
    counts = tf.math.unsorted_segment_sum(ones, labels, classes)
    starts = tf.cumsum(counts, exclusive=True)
    if size >= classes:
        each = size // classes
        chosen = tf.constant(np.repeat(np.arange(classes), each))
        rank = tf.constant(np.tile(np.arange(each), classes))
    else:  # absent classes come last
        absent = tf.cast(counts == 0, u.dtype)
        chosen = tf.argsort(u[slots:] + absent)[:size]
        rank = tf.zeros_like(chosen)
    rank = tf.cast(rank, counts.dtype) % tf.gather(counts, chosen)
    return tf.gather(order, tf.gather(starts, chosen) + rank)
