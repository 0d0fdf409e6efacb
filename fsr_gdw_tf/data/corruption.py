"""Label noise and long tails, made on purpose and written down.

Every noise law is a matrix: row = true class, column = given class. A label is
drawn from its row, per example, as in both papers' code.
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
    """To each of the OTHER classes alike: a share `rate` ends up wrong."""
    C = source.classes
    off = np.full((C, C), rate / (C - 1))
    np.fill_diagonal(off, 1.0 - rate)
    return off


def uniform_all(source: Source, rate: float) -> np.ndarray:
    """To each of ALL classes alike: rate (C - 1) / C ends up wrong.

    This is what the official code of both papers draws.
    """
    C = source.classes
    return np.full((C, C), rate / C) + (1.0 - rate) * np.eye(C)


def flip(source: Source, rate: float) -> np.ndarray:
    """Each class to one other class, always the same for a class count."""
    C = source.classes
    rng = np.random.default_rng(C)
    target = (np.arange(C) + rng.integers(1, C, size=C)) % C
    return _to_target(target, rate)


def asymmetric(source: Source, rate: float) -> np.ndarray:
    """To the class people confuse it with.

    CIFAR-10: its five semantic pairs. With superclasses (CIFAR-100): the next
    class of the same superclass. Otherwise: the next class.
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
    """A long tail (smallest / largest class = imbalance), then label noise."""
    if not 0.0 <= noise <= 1.0:
        raise InvalidInput(f"the noise rate must be in [0, 1], got {noise}")
    if kind not in NOISE_MATRICES:
        raise InvalidInput(
            f"no noise law {kind!r}: {suggest_names(kind, NOISE_MATRICES)}"
        )
    source = source.subset(
        long_tail(source.labels, source.classes, imbalance, rng)
    )
    if matrix is not None:
        matrix = check_matrix(matrix, source.classes)
    elif noise:
        matrix = NOISE_MATRICES[kind](source, noise)
    else:
        return source
    true = source.labels if source.true_labels is None else source.true_labels
    return source.with_labels(sample_labels(source.labels, matrix, rng), true)


def sample_labels(
    labels: np.ndarray, matrix: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Draw each label from its class's row of the matrix."""
    u, given = rng.random(len(labels)), labels.copy()
    for c in np.unique(labels):
        members = np.flatnonzero(labels == c)
        edges = np.cumsum(matrix[c])[:-1]
        given[members] = np.searchsorted(edges, u[members], side="right")
    return given


def long_tail(
    labels: np.ndarray, classes: int, mu: float, rng: np.random.Generator
) -> np.ndarray:
    """Indices that keep int(n mu^(c / (C - 1))) of class c, n = N / C."""
    if not 0.0 < mu <= 1.0:
        raise InvalidInput(
            f"imbalance is smallest / largest class, in (0, 1], got {mu}"
        )
    if mu == 1.0:
        return np.arange(len(labels))
    n, kept = len(labels) / classes, []
    for c in range(classes):
        # The small term keeps 4900 * 0.1 from becoming 489.
        wanted = int(n * mu ** (c / (classes - 1)) + 1e-6)
        members = rng.permutation(np.flatnonzero(labels == c))
        kept.append(members[:wanted])
    return np.sort(np.concatenate(kept))


def check_matrix(matrix: Sequence, classes: int) -> np.ndarray:
    """A transition matrix, checked: C x C, rows that sum to one."""
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
            f"{matrix.sum(1).max():.4g}"
        )
    return matrix


def realised_rate(source: Source) -> float | None:
    """The share of labels that differ from the truth, if that is known."""
    if source.true_labels is None:
        return None
    return float(np.mean(source.labels != source.true_labels))


def realised_matrix(source: Source) -> np.ndarray:
    """Counts of (true class, given class), a clean set left out."""
    n = len(source) - source.n_clean
    counts = np.zeros((source.classes, source.classes), np.int64)
    np.add.at(counts, (source.true_labels[:n], source.labels[:n]), 1)
    return counts
