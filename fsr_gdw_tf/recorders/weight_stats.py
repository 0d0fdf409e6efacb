"""The last weight of each example, and statistics of these weights."""

import numpy as np
import tensorflow as tf

from fsr_gdw_tf.data.source import Source
from fsr_gdw_tf.example_state import (
    example_table,
    require_same_examples,
    scatter_rows,
)
from fsr_gdw_tf.method import target_weight
from fsr_gdw_tf.methods.meta import MetaMethod
from fsr_gdw_tf.methods.reweighting import ReweightingMethod
from fsr_gdw_tf.metrics import clean_auroc
from fsr_gdw_tf.recorders.recorder import Recorder


class WeightStats(Recorder):
    """Each example's weight at its label in its last step."""

    last_weight: tf.Variable | None = None

    @classmethod
    def applies_to(cls, method) -> bool:
        return isinstance(method, (ReweightingMethod, MetaMethod))

    def setup(self, classifier, source, pipeline) -> None:
        if source is None:
            return
        require_same_examples(classifier.method, source)
        if self.last_weight is None:
            self.last_weight = example_table(self, "weight", len(source), 1.0)

    def observe(self, classifier, batch, logits, omega) -> None:
        if self.last_weight is None or "index" not in batch:
            return
        weight = target_weight(omega.after, batch["label"])
        scatter_rows(self.last_weight, batch["index"], weight)

    def example_columns(self, classifier, source) -> dict[str, np.ndarray]:
        if self.last_weight is None:
            return {}
        columns = {"last_weight": np.array(self.last_weight)}
        if dictionary := classifier.method.dictionary:
            columns["dictionary_score"] = np.array(dictionary.scores)
        return columns

    def epoch_logs(self, classifier, source) -> dict[str, float]:
        if self.last_weight is None:
            return {}
        weights = np.array(self.last_weight)
        logs = weight_summary(weights, source)
        if classifier.method.logs_zero_weights:
            logs["weight_zero"] = float(np.mean(weights == 0))
        return logs


def weight_summary(weights: np.ndarray, source: Source) -> dict[str, float]:
    """Return mean and deviation; with true labels also means and AUROC."""
    logs = {"weight_mean": weights.mean(), "weight_std": weights.std()}
    auroc = clean_auroc(source, weights)
    if auroc is not None:
        clean = source.labels == source.true_labels
        logs["weight_clean"] = weights[clean].mean()
        logs["weight_mislabelled"] = weights[~clean].mean()
        logs["weight_auroc"] = auroc
    return {name: float(value) for name, value in logs.items()}
