"""Synthetic label noise and long-tailed class imbalance.

Each kind of noise is a transition matrix, row = true class, column = given
class. As in both papers' code every example's label is sampled independently
from its row, so the realised noise rate varies a little around the nominal one.
"""

from collections.abc import Sequence

import gin
import numpy as np

from fsr_gdw_tf.data.source import Source
from fsr_gdw_tf.errors import InvalidInput, suggest_names

# Semantic pairs of CIFAR-10: truck -> automobile, bird -> airplane,
# cat <-> dog, deer -> horse.
CIFAR10_PAIRS = {9: 1, 2: 0, 3: 5, 5: 3, 4: 7}
CIFAR10_NAMES = [
    *("airplane", "automobile", "bird", "cat", "deer"),
    *("dog", "frog", "horse", "ship", "truck"),
]


def uniform(source: Source, rate: float) -> np.ndarray:
    """Return uniform noise over the OTHER classes: a share `rate` is wrong."""
    C = source.classes
    matrix = np.full((C, C), rate / (C - 1))
    np.fill_diagonal(matrix, 1.0 - rate)
    return matrix


def uniform_all(source: Source, rate: float) -> np.ndarray:
    """Return uniform noise over ALL classes: rate (C - 1) / C are wrong.

    This is the uniform noise of both papers' official code.
    """
    C = source.classes
    return np.full((C, C), rate / C) + (1.0 - rate) * np.eye(C)


def flip(source: Source, rate: float) -> np.ndarray:
    """Return flip noise: each class turns into one other, random class."""
    C = source.classes
    # Seeded by the number of classes: the same mapping in every run, as in the
    # code of GDW.
    rng = np.random.default_rng(C)
    target = (np.arange(C) + rng.integers(1, C, size=C)) % C
    return _to_target(target, rate)


def asymmetric(source: Source, rate: float) -> np.ndarray:
    """Return asymmetric noise: each class turns into a similar one.

    For CIFAR-10 these are the five usual pairs; with superclasses (CIFAR-100)
    the next class of the same superclass; otherwise the next class.
    """
    target = (np.arange(source.classes) + 1) % source.classes
    if [str(n) for n in source.class_names] == CIFAR10_NAMES:
        target = np.arange(10)
        target[list(CIFAR10_PAIRS)] = list(CIFAR10_PAIRS.values())
    elif source.superclasses is not None:
        groups = np.asarray(source.superclasses)
        for group in np.unique(groups):
            members = np.flatnonzero(groups == group)
            target[members] = np.roll(members, -1)
    return _to_target(target, rate)


def _to_target(target: np.ndarray, rate: float) -> np.ndarray:
    """Return the matrix that turns class c into target[c] at a rate."""
    identity = np.eye(len(target))
    return (1.0 - rate) * identity + rate * identity[target]


NOISE_MATRICES = {
    "uniform": uniform,
    "uniform_all": uniform_all,
    "flip": flip,
    "asymmetric": asymmetric,
}


@gin.register
def corrupt(
    source: Source,
    noise: float = 0.0,
    kind: str = "uniform",
    matrix: Sequence[Sequence[float]] | None = None,
    imbalance: float = 1.0,
    *,
    rng: np.random.Generator,
) -> Source:
    """Return the source with a long tail, then with label noise.

    noise: the noise rate; its meaning depends on `kind`.
    kind: uniform, uniform_all, flip or asymmetric, see the functions above.
    matrix: a transition matrix instead, row = true class, column = given class.
    imbalance: size of the smallest class / size of the largest; 1 = balanced.
    """
    _check_noise(noise, kind)
    source = source.subset(
        long_tail(source.labels, source.classes, imbalance, rng)
    )
    if matrix is not None:
        matrix = check_matrix(matrix, source.classes)
    elif noise:
        matrix = NOISE_MATRICES[kind](source, noise)
    else:
        return source
    # True labels of data that are noisy already stay the reference.
    true = source.labels if source.true_labels is None else source.true_labels
    return source.with_labels(sample_labels(source.labels, matrix, rng), true)


def _check_noise(noise: float, kind: str) -> None:
    if not 0.0 <= noise <= 1.0:
        raise InvalidInput(f"the noise rate must be in [0, 1], got {noise}")
    if kind not in NOISE_MATRICES:
        raise InvalidInput(
            f"no kind of noise {kind!r}: {suggest_names(kind, NOISE_MATRICES)}"
        )


def sample_labels(
    labels: np.ndarray, matrix: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Sample each label from its class's row of the transition matrix."""
    u, given = rng.random(len(labels)), labels.copy()
    for c in np.unique(labels):
        members = np.flatnonzero(labels == c)
        # Without its last entry, whose rounding could give class C.
        cdf = np.cumsum(matrix[c])[:-1]
        given[members] = np.searchsorted(cdf, u[members], side="right")
    return given


def long_tail(
    labels: np.ndarray,
    classes: int,
    imbalance: float,
    rng: np.random.Generator,
) -> np.ndarray:
    """Return indices of an exponential long tail.

    Class c keeps int(n imbalance^(c / (C - 1))) examples, n = N / C.
    """
    if not 0.0 < imbalance <= 1.0:
        raise InvalidInput(
            "imbalance (smallest / largest class) must be in (0, 1], got "
            f"{imbalance}"
        )
    if imbalance == 1.0:
        return np.arange(len(labels))
    n, kept = len(labels) / classes, []
    for c in range(classes):
        # 1e-6: int(4900 * 0.1) would be 489 in floating point.
        count = int(n * imbalance ** (c / (classes - 1)) + 1e-6)
        members = rng.permutation(np.flatnonzero(labels == c))
        kept.append(members[:count])
    return np.sort(np.concatenate(kept))


def check_matrix(matrix: Sequence, classes: int) -> np.ndarray:
    """Return a transition matrix as an array; raise unless it is valid."""
    matrix = np.asarray(matrix, np.float64)
    if matrix.shape != (classes, classes):
        raise InvalidInput(
            f"the noise matrix must be {classes} x {classes} (true x given), "
            f"got shape {matrix.shape}"
        )
    if matrix.min() < 0 or not np.allclose(matrix.sum(1), 1.0, atol=1e-6):
        raise InvalidInput(
            "each row of the noise matrix must be probabilities that sum to 1, "
            f"got row sums {matrix.sum(1).min():.4g} to "
            f"{matrix.sum(1).max():.4g} and a smallest entry of "
            f"{matrix.min():.4g}"
        )
    return matrix


def realised_rate(source: Source) -> float | None:
    """Return the share of wrong labels; None without true labels."""
    if source.true_labels is None:
        return None
    return float(np.mean(source.labels != source.true_labels))


def realised_matrix(source: Source) -> np.ndarray:
    """Return counts `[true class, given class]`, the clean set excluded."""
    n = len(source) - source.n_clean
    counts = np.zeros((source.classes, source.classes), np.int64)
    np.add.at(counts, (source.true_labels[:n], source.labels[:n]), 1)
    return counts
