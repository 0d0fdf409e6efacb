"""Classification metrics that Keras lacks."""

import keras
import numpy as np
import tensorflow as tf
from keras import ops
from sklearn.metrics import roc_auc_score


def clean_auroc(source, scores: np.ndarray) -> float | None:
    """Return the AUROC of scores, higher for correct labels than for wrong.

    None if it is undefined: true labels are unknown, or all labels are alike.
    """
    if source.true_labels is None or not np.isfinite(scores).all():
        return None
    clean = source.labels == source.true_labels
    if clean.all() or not clean.any():
        return None
    return float(roc_auc_score(clean, scores))


def weighted(rows: tf.Tensor, sample_weight: tf.Tensor | None) -> tf.Tensor:
    """Return each row times its example's weight, if weights are given."""
    if sample_weight is None:
        return rows
    return rows * ops.cast(sample_weight, rows.dtype)[:, None]


class PerClassAccuracy(keras.metrics.Metric):
    """Balanced accuracy: the mean of the classes' recalls."""

    def __init__(self, classes: int, name: str = "balanced_accuracy", **kwargs):
        super().__init__(name=name, **kwargs)
        shape = (classes,)
        self.correct = self.add_variable(shape, "zeros", name="correct")
        self.total = self.add_variable(shape, "zeros", name="total")

    def update_state(
        self,
        label: tf.Tensor,
        probs: tf.Tensor,
        sample_weight: tf.Tensor | None = None,
    ) -> None:
        """Add a batch of one-hot labels and predictions."""
        truth = ops.argmax(label, axis=-1)
        correct = ops.cast(truth == ops.argmax(probs, axis=-1), self.dtype)
        label = weighted(ops.cast(label, self.dtype), sample_weight)
        self.correct.assign_add(ops.sum(label * correct[:, None], axis=0))
        self.total.assign_add(ops.sum(label, axis=0))

    def result(self) -> tf.Tensor:
        """Return the mean recall of the classes that occur."""
        present = ops.cast(self.total > 0, self.dtype)
        recall = self.correct / ops.maximum(self.total, 1)
        return ops.sum(recall) / ops.maximum(ops.sum(present), 1)

    def per_class(self) -> np.ndarray:
        """Return the recall of each class, NaN for absent classes."""
        correct, total = np.array(self.correct), np.array(self.total)
        return np.where(total > 0, correct / np.maximum(total, 1), np.nan)


class CalibrationError(keras.metrics.Metric):
    """Expected calibration error, Eq. 3 of Guo et al.

    https://arxiv.org/abs/1706.04599, with 15 confidence bins of equal width.
    """

    def __init__(
        self, bins: int = 15, name: str = "calibration_error", **kwargs
    ):
        super().__init__(name=name, **kwargs)
        self.bins = bins
        self.gap = self.add_variable((bins,), "zeros", name="gap")
        self.total = self.add_variable((), "zeros", name="total")

    def update_state(
        self,
        label: tf.Tensor,
        probs: tf.Tensor,
        sample_weight: tf.Tensor | None = None,
    ) -> None:
        """Add confidence minus correctness of a batch to the bins."""
        confidence = ops.cast(ops.max(probs, axis=-1), self.dtype)
        correct = ops.argmax(label, axis=-1) == ops.argmax(probs, axis=-1)
        index = ops.cast(confidence * self.bins, "int32")
        # A confidence of 1 belongs to the last bin.
        one_hot = ops.one_hot(ops.minimum(index, self.bins - 1), self.bins)
        one_hot = weighted(ops.cast(one_hot, self.dtype), sample_weight)
        gap = confidence - ops.cast(correct, self.dtype)
        self.gap.assign_add(ops.sum(one_hot * gap[:, None], axis=0))
        self.total.assign_add(ops.sum(one_hot))

    def result(self) -> tf.Tensor:
        """Return the mean |confidence - accuracy|, weighted by bin size."""
        # The bins' sizes cancel: |sum of gaps| = size * |mean gap|.
        return ops.sum(ops.abs(self.gap)) / ops.maximum(self.total, 1)


def evaluation_metrics(classes: int) -> list[keras.metrics.Metric]:
    """Return the metrics of an evaluation, besides loss and accuracy."""
    metrics = [PerClassAccuracy(classes), CalibrationError()]
    if classes > 5:
        top5 = keras.metrics.TopKCategoricalAccuracy(5, "top5_accuracy")
        metrics.append(top5)
    return metrics
