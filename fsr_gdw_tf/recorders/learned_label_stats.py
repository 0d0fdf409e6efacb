"""The share of learned labels that changed, and their accuracy."""

import numpy as np

from fsr_gdw_tf.recorders.recorder import Recorder


class LearnedLabelStats(Recorder):
    """The most probable class of each example's learned label."""

    @classmethod
    def applies_to(cls, method) -> bool:
        return hasattr(method, "label_table")

    def example_columns(self, classifier, source) -> dict[str, np.ndarray]:
        table = classifier.method.label_table
        return {"learned_label": table.classes(source)} if table else {}

    def epoch_logs(self, classifier, source) -> dict[str, float]:
        table = classifier.method.label_table
        if table is None:
            return {}
        labels = table.classes(source)
        logs = {"labels_changed": float(np.mean(labels != source.labels))}
        if source.true_labels is not None:
            right = labels == source.true_labels
            logs["label_accuracy"] = float(np.mean(right))
        return logs
