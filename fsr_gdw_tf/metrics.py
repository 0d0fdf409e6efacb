"""Metrics of a classifier that Keras does not have."""

import keras
import numpy as np
from keras import ops
from sklearn.metrics import roc_auc_score


def clean_auroc(source, scores: np.ndarray) -> float | None:
    """How well scores tell right labels from wrong ones; None if not known."""
    if source.true_labels is None or not np.isfinite(scores).all():
        return None
    clean = source.labels == source.true_labels
    if clean.all() or not clean.any():
        return None
    return float(roc_auc_score(clean, scores))


def weighted(rows, sample_weight):
    """Each row times its example's weight, if there are any."""
    if sample_weight is None:
        return rows
    return rows * ops.cast(sample_weight, rows.dtype)[:, None]


class PerClassAccuracy(keras.metrics.Metric):
    """Recall of each class; the result is their mean: balanced accuracy."""

    def __init__(self, classes: int, name: str = "balanced_accuracy", **kwargs):
        super().__init__(name=name, **kwargs)
        shape = (classes,)
        self.right = self.add_variable(shape, "zeros", name="right")
        self.seen = self.add_variable(shape, "zeros", name="seen")

    def update_state(self, label, probs, sample_weight=None) -> None:
        """Count a batch of one-hot labels and predictions."""
        truth = ops.argmax(label, axis=-1)
        hit = ops.cast(truth == ops.argmax(probs, axis=-1), self.dtype)
        label = weighted(ops.cast(label, self.dtype), sample_weight)
        self.right.assign_add(ops.sum(label * hit[:, None], axis=0))
        self.seen.assign_add(ops.sum(label, axis=0))

    def result(self):
        """The mean recall over the classes that were seen."""
        present = ops.cast(self.seen > 0, self.dtype)
        recall = self.right / ops.maximum(self.seen, 1)
        return ops.sum(recall) / ops.maximum(ops.sum(present), 1)

    def per_class(self) -> np.ndarray:
        """The recall of each class, NaN for classes that were not seen."""
        right, seen = np.array(self.right), np.array(self.seen)
        return np.where(seen > 0, right / np.maximum(seen, 1), np.nan)


class CalibrationError(keras.metrics.Metric):
    """Expected calibration error: mean |confidence - accuracy| over bins.

    Guo et al., https://arxiv.org/abs/1706.04599, 15 bins of equal width.
    """

    def __init__(self, bins: int = 15, name="calibration_error", **kwargs):
        super().__init__(name=name, **kwargs)
        self.bins = bins
        self.gap = self.add_variable((bins,), "zeros", name="gap")
        self.seen = self.add_variable((), "zeros", name="seen")

    def update_state(self, label, probs, sample_weight=None) -> None:
        """Add confidence minus correctness of a batch to its bins."""
        confidence = ops.cast(ops.max(probs, axis=-1), self.dtype)
        hit = ops.argmax(label, axis=-1) == ops.argmax(probs, axis=-1)
        cell = ops.cast(confidence * self.bins, "int32")
        cell = ops.one_hot(ops.minimum(cell, self.bins - 1), self.bins)
        cell = weighted(ops.cast(cell, self.dtype), sample_weight)
        gap = confidence - ops.cast(hit, self.dtype)
        self.gap.assign_add(ops.sum(cell * gap[:, None], axis=0))
        self.seen.assign_add(ops.sum(cell))

    def result(self):
        """The weighted mean gap over the bins."""
        return ops.sum(ops.abs(self.gap)) / ops.maximum(self.seen, 1)


def evaluation_metrics(classes: int) -> list[keras.metrics.Metric]:
    """What is measured on test data, from probabilities."""
    measured = [PerClassAccuracy(classes), CalibrationError()]
    if classes > 5:
        top5 = keras.metrics.TopKCategoricalAccuracy(5, "top5_accuracy")
        measured.append(top5)
    return measured
