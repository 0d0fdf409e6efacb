"""Linear discriminant analysis that leaves out the farthest of each class."""

from typing import NamedTuple

import numpy as np
import scipy.linalg
import scipy.special


class Discriminant(NamedTuple):
    """Class means `[classes, features]` and the inverse of their covariance.

    All classes have the same covariance and the same prior.
    """

    means: np.ndarray
    precision: np.ndarray

    def distances(self, x: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """Return the squared Mahalanobis distance to the label's mean."""
        offset = x - self.means[labels]
        return np.einsum("nd,de,ne->n", offset, self.precision, offset)

    def linear(self) -> tuple[np.ndarray, np.ndarray]:
        """Return kernel `[features, classes]` and bias of the logits."""
        kernel = self.precision @ self.means.T
        bias = -0.5 * np.einsum("cd,dc->c", self.means, kernel)
        return kernel, bias

    def probs(self, x: np.ndarray) -> np.ndarray:
        """Return class probabilities, `[examples, classes]`."""
        kernel, bias = self.linear()
        return scipy.special.softmax(x @ kernel + bias, axis=1)


def fit_robust(
    x: np.ndarray, labels: np.ndarray, kept: float, rng: np.random.Generator
) -> Discriminant:
    """Return the classifier of the most central examples of each class.

    It starts with a random share `kept` of each class, and is then fitted once
    more to the share that is nearest to the mean of its class.
    """
    x = x.astype(np.float64)
    members = [np.flatnonzero(labels == c) for c in range(labels.max() + 1)]
    sizes = [max(int(len(m) * kept), 1) for m in members]
    chosen = [
        rng.permutation(m)[:n] for m, n in zip(members, sizes, strict=True)
    ]
    first = fit([x[m] for m in chosen])
    distances = first.distances(x, labels)
    chosen = [
        m[np.argsort(distances[m], kind="stable")[:n]]
        for m, n in zip(members, sizes, strict=True)
    ]
    return fit([x[m] for m in chosen])


def fit(classes: list[np.ndarray]) -> Discriminant:
    """Return the classifier of the examples of each class, `[n, features]`."""
    means = np.stack([x.mean(axis=0) for x in classes])
    offsets = np.concatenate(
        [x - m for x, m in zip(classes, means, strict=True)]
    )
    covariance = offsets.T @ offsets / len(offsets)
    return Discriminant(means, scipy.linalg.pinvh(covariance))


def mixture_weights(likelihoods: np.ndarray, steps: int = 200) -> np.ndarray:
    """Return the weights of a mixture under which examples are likeliest.

    likelihoods: of each example under each component,
        `[components, examples]`. The steps are those of expectation
        maximisation, from equal weights.
    """
    likelihoods = np.maximum(likelihoods, 1e-10)
    weights = np.full(len(likelihoods), 1.0 / len(likelihoods))
    for _ in range(steps):
        joint = weights[:, None] * likelihoods
        weights = (joint / joint.sum(axis=0)).mean(axis=1)
    return weights
