"""The choice of a dictionary's members, balanced over classes: Eq. 4 of FSR.

NumPy alone: `benchmarks/full_scale/` loads this file without TensorFlow.
"""

import numpy as np


def choose_members(
    labels: np.ndarray,
    scores: np.ndarray,
    visits: np.ndarray,
    members: np.ndarray,
    seed: list[int],
    weights: np.ndarray | None = None,
) -> np.ndarray:
    """Return the `members[c]` examples of each class with the best scores.

    Examples that were never visited come last, after them those of weight
    zero; ties are broken at random.
    """
    random = np.random.default_rng(seed).random(len(labels))
    keys = [random, -scores, visits == 0]  # the last key is the primary one
    if weights is not None:
        keys.append(weights == 0)
    return top_per_class(labels, keys, members)


def members_per_class(counts: np.ndarray, size: int) -> np.ndarray:
    """Return each class's number of members, size // classes or fewer."""
    return np.minimum(counts, size // len(counts))


def rotating_members(
    classes: int, size: int, epoch: int, seed: int
) -> np.ndarray:
    """Return 1 for the `size` classes that have a member this epoch, else 0."""
    order = np.random.default_rng(seed).permutation(classes)
    chosen = order[(epoch * size + np.arange(size)) % classes]
    return np.isin(np.arange(classes), chosen).astype(int)


def top_per_class(
    labels: np.ndarray, keys: list[np.ndarray], members: np.ndarray
) -> np.ndarray:
    """Return the first `members[c]` of each class; the last key is primary."""
    order = np.lexsort([*keys, labels])
    counts = np.bincount(labels, minlength=len(members))
    starts = np.cumsum(counts) - counts
    rank = np.arange(len(labels)) - np.repeat(starts, counts)
    return order[rank < members[labels[order]]]
