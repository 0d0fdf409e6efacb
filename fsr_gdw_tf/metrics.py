"""Classification metrics that Keras lacks, and those that users pass."""

from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf
from keras import ops
from keras.src.trainers.compile_utils import CompileMetrics
from sklearn.metrics import roc_auc_score

from fsr_gdw_tf.errors import InvalidInput


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
        self._direction = "up"  # for the mode "auto" of Keras' callbacks

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
        self._direction = "down"

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


class ListedMetrics(CompileMetrics):
    """Metrics where Keras' callbacks look for the direction of each."""

    def __init__(self, metrics: Sequence[keras.metrics.Metric]):
        super().__init__(None, None)
        self.listed = list(metrics)

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """The metrics."""
        return self.listed

    @property
    def variables(self) -> list[keras.Variable]:
        """The variables of all of them."""
        return [v for metric in self.listed for v in metric.variables]

    def reset_state(self) -> None:
        """Reset each metric."""
        for metric in self.listed:
            metric.reset_state()

    def result(self) -> dict:
        """Return their results by name."""
        return results(self.listed)


def results(metrics: Sequence[keras.metrics.Metric]) -> dict:
    """Return results by name; a metric may return several in a dict."""
    found = {}
    for metric in metrics:
        result = metric.result()
        found |= result if isinstance(result, dict) else {metric.name: result}
    return found


def users_metrics(
    given: Sequence | None, taken: Sequence[str], prefix: str = ""
) -> list[keras.metrics.Metric]:
    """Return the metrics that a user passes to `compile`.

    taken: names of other metrics. "accuracy" is always measured, so that it is
        left out, unless there is a prefix: of weighted metrics.
    """
    accuracy = ("accuracy", "acc")
    metrics = []
    for item in keras.tree.flatten(given) if given is not None else ():
        if item in accuracy and not prefix:
            continue
        metric = correct if item in accuracy else keras.metrics.get(item)
        if not isinstance(metric, keras.metrics.Metric):
            name = item if isinstance(item, str) else metric.__name__
            metric = keras.metrics.MeanMetricWrapper(metric, prefix + name)
            if item in accuracy:
                metric._direction = "up"
        if metric.name in [*taken, *(m.name for m in metrics)]:
            raise InvalidInput(
                f"there is a metric {metric.name!r} already; give this one "
                "another name, name='...'"
            )
        metrics.append(metric)
    return metrics


def correct(label: tf.Tensor, outputs: tf.Tensor) -> tf.Tensor:
    """Return 1 where outputs are right, else 0; labels one-hot or indices."""
    if outputs.shape[-1] == 1:
        predicted = ops.cast(outputs[:, 0] > 0.5, "int64")
    else:
        predicted = ops.cast(ops.argmax(outputs, axis=-1), "int64")
    is_index = label.shape[-1] == 1
    truth = label[:, 0] if is_index else ops.argmax(label, axis=-1)
    return ops.cast(ops.cast(truth, "int64") == predicted, "float32")
