"""Forward correction: predict the noisy label through a noise matrix.

Patrini et al., "Making Deep Neural Networks Robust to Label Noise: a Loss
Correction Approach", https://arxiv.org/abs/1609.03683, Theorem 2, and Eq. 12
and 13 for the matrix. `quantile` = 0.97 is that of the authors' code.
Deviation: the network that estimates the matrix is trained in the first half of
the run, not in a run of its own, so that all methods have the same number of
steps; the second half starts from the initial weights again, as in the paper,
with the same optimizer, as in the code.
"""

from collections.abc import Sequence

import gin
import keras
import numpy as np
import tensorflow as tf

from fsr_gdw_tf import losses
from fsr_gdw_tf.data.source import Source
from fsr_gdw_tf.errors import InvalidInput, require_range
from fsr_gdw_tf.example_state import require_indices, require_table_fits
from fsr_gdw_tf.method import Method, current_epoch, epochs_since_warmup
from fsr_gdw_tf.methods.weight_snapshot import WeightSnapshot


@gin.register
class ForwardCorrection(Method):
    """The loss -log of the label's entry in p T, T_ij = p(given j | true i).

    matrix: T, if it is known; its rows add up to one. None estimates T in a
        first stage of plain training.
    warmup: epochs, or below 1 their share of all, of the first stage; None is
        half of all epochs, or none if the matrix is given.
    restart: whether the second stage starts from the initial weights.
    quantile: the anchor of a class is the example with its largest probability
        below this quantile, or with the largest of all for a class that has no
        more examples than lie above it (all classes of CIFAR-100).
    """

    def __init__(
        self,
        matrix: Sequence[Sequence[float]] | np.ndarray | None = None,
        warmup: float | None = None,
        restart: bool = True,
        quantile: float = 0.97,
        **kwargs,
    ):
        default = 0.5 if matrix is None else 0
        super().__init__(default if warmup is None else warmup, **kwargs)
        require_range(0, 1 + 1e-9, quantile=quantile)
        self.given_matrix, self.restart = matrix, restart
        self.quantile = quantile
        self.matrix = self.initial_weights = None

    def setup(self, classifier, source, pipeline) -> None:
        self.pipeline = pipeline
        if self.given_matrix is None:
            require_indices(type(self).__name__, source)
        if self.matrix is not None:
            return
        self.matrix, self.is_estimated = (
            self.add_weight(
                shape=shape, initializer="zeros", trainable=False, name=name
            )
            for name, shape in (
                ("T", (classifier.classes,) * 2),
                ("is_estimated", ()),
            )
        )
        self.matrix.assign(noise_matrix(self.given_matrix, classifier.classes))
        self.is_estimated.assign(self.given_matrix is not None)
        if self.given_matrix is None and self.restart:
            self.initial_weights = WeightSnapshot(self, classifier)

    def begin_epoch(self, classifier, source, clean) -> None:
        # The matrix is estimated once, between the stages.
        if (
            np.array(self.is_estimated)
            or epochs_since_warmup(classifier, self.warmup) < 0
        ):
            return
        epoch, epochs = current_epoch(classifier)
        if epoch == 0:
            raise InvalidInput(
                f"{type(self).__name__} estimates the noise after a first "
                f"stage of warmup={self.warmup} of {epochs} epochs, which is "
                "none; train for longer"
            )
        self.matrix.assign(self.estimate(classifier, source, clean))
        self.is_estimated.assign(1.0)
        if self.initial_weights:
            self.initial_weights.restore(classifier)

    def estimate(
        self, classifier: keras.Model, source: Source, clean: Source | None
    ) -> np.ndarray:
        """Return the noise matrix, estimated with the network so far."""
        require_table_fits((len(source), source.classes), "pass the matrix")
        probs = classifier.predict_probs(source, pipeline=self.pipeline)
        shares = source.counts() / len(source)
        return anchor_predictions(probs, self.quantile, shares)

    def objective(self, batch, logits, omega) -> tf.Tensor:
        # Theorem 2: the forward correction of cross-entropy.
        return losses.forward_corrected(
            batch["label"], logits, self.matrix.value
        )


def anchor_predictions(
    probs: np.ndarray, quantile: float, shares: np.ndarray
) -> np.ndarray:
    """Return the predictions for the anchors, an example of each class.

    `shares` are the sizes of the classes, as parts of all examples.
    """
    limit = np.quantile(probs, quantile, axis=0, method="higher")
    # A class smaller than the part above the limit would lose all its examples.
    has_limit = (np.array(shares) > 1 - quantile) & (quantile < 1)
    limit = np.where(has_limit, limit, np.inf)
    # Eq. 12, the anchors; Eq. 13, their predictions are the rows of T.
    anchors = np.where(probs >= limit, 0.0, probs).argmax(axis=0)
    return probs[anchors]


def noise_matrix(
    rows: Sequence[Sequence[float]] | np.ndarray | None, classes: int
) -> np.ndarray:
    """Return the rows as an array, checked; None is the matrix of no noise."""
    if rows is None:
        return np.eye(classes, dtype=np.float32)
    try:
        matrix = np.array(rows, np.float32)
    except ValueError:
        matrix = np.zeros(0)  # rows of different lengths
    if matrix.shape != (classes, classes):
        raise InvalidInput(
            f"the noise of {classes} classes is a matrix of {classes} rows and "
            f"columns, got {rows}"
        )
    if (matrix < 0).any() or not np.allclose(matrix.sum(axis=1), 1, atol=1e-3):
        raise InvalidInput(
            "each row of a noise matrix holds the probabilities of the given "
            f"labels and adds up to 1, got rows of {matrix.sum(axis=1)}"
        )
    return matrix
