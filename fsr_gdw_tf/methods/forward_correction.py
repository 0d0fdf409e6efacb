"""Forward correction: predict the noisy label through a matrix of the noise.

Patrini et al., "Making Deep Neural Networks Robust to Label Noise: a Loss
Correction Approach", https://arxiv.org/abs/1609.03683, Theorem 2, and Eq. 12
and 13 for the matrix. `quantile` = 0.97 is that of the authors' code.
Deviation: the network that gives the matrix is trained in the first half of the
run, not in a run of its own, so that all methods have the same number of steps;
the second half starts from the first weights again, as in the paper, with the
same optimizer, as in the code.
"""

import gin
import numpy as np
import tensorflow as tf

from fsr_gdw_tf import losses
from fsr_gdw_tf.errors import InvalidInput, require_range
from fsr_gdw_tf.example_state import require_indices, require_table_fits
from fsr_gdw_tf.method import Method, current_epoch, epochs_since_warmup
from fsr_gdw_tf.methods.weight_snapshot import WeightSnapshot


@gin.register
class ForwardCorrection(Method):
    """-log of the label's entry in p T, with T_ij = p(given j | true i).

    matrix: T, if it is known: rows that add up to one; there is then one
        stage, unless there is a warm-up.
    warmup: epochs, or below 1 their share of all, of the first stage; None is
        half of them, if there is a first stage.
    restart: whether the second stage goes back to the first weights.
    quantile: the example that shows a class is the one whose probability of it
        is the largest below this quantile, or the largest of all for a class
        that has no more examples than lie above it (all those of CIFAR-100).
    """

    def __init__(
        self,
        matrix=None,
        warmup: float | None = None,
        restart: bool = True,
        quantile: float = 0.97,
        **kwargs,
    ):
        default = 0.5 if matrix is None else 0
        super().__init__(default if warmup is None else warmup, **kwargs)
        require_range(0, 1 + 1e-9, quantile=quantile)
        self.given, self.restart, self.quantile = matrix, restart, quantile
        self.matrix = self.first_weights = None

    def setup(self, classifier, source, pipeline) -> None:
        self.pipeline = pipeline
        if self.given is None:
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
        self.matrix.assign(as_matrix(self.given, classifier.classes))
        self.is_estimated.assign(self.given is not None)
        if self.given is None and self.restart:
            self.first_weights = WeightSnapshot(self, classifier)

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
                f"{type(self).__name__} learns the noise in a first stage of "
                f"warmup={self.warmup} of {epochs} epochs, which is none; "
                "train for longer"
            )
        self.matrix.assign(self.estimate(classifier, source, clean))
        self.is_estimated.assign(1.0)
        if self.first_weights:
            self.first_weights.restore(classifier)

    def estimate(self, classifier, source, clean) -> np.ndarray:
        """Eq. 12 and 13: each class's row, from the example that shows it."""
        require_table_fits((len(source), source.classes), "pass the matrix")
        probs = classifier.predict(source, pipeline=self.pipeline, verbose=0)
        return anchors(probs, self.quantile, source.counts() / len(source))

    def objective(self, batch, logits, omega) -> tf.Tensor:
        return losses.forward_corrected(
            batch["label"], logits, self.matrix.value
        )


def anchors(probs: np.ndarray, quantile: float, shares) -> np.ndarray:
    """The predictions for the examples that show each class most clearly."""
    edge = np.quantile(probs, quantile, axis=0, method="higher")
    # A class smaller than what is cut off would lose all of its examples.
    cut = (np.array(shares) > 1 - quantile) & (quantile < 1)
    edge = np.where(cut, edge, np.inf)
    return probs[np.where(probs >= edge, 0.0, probs).argmax(axis=0)]


def as_matrix(given, classes: int) -> np.ndarray:
    """A matrix of probabilities; that of no noise if none is given."""
    if given is None:
        return np.eye(classes, dtype=np.float32)
    try:
        matrix = np.array(given, np.float32)
    except ValueError:
        matrix = np.zeros(0)  # rows of several lengths
    if matrix.shape != (classes, classes):
        raise InvalidInput(
            f"the noise of {classes} classes is a matrix of {classes} rows and "
            f"columns, got {given}"
        )
    if (matrix < 0).any() or not np.allclose(matrix.sum(axis=1), 1, atol=1e-3):
        raise InvalidInput(
            "each row of a noise matrix holds the probabilities of the given "
            f"labels and adds up to 1, got rows of {matrix.sum(axis=1)}"
        )
    return matrix
