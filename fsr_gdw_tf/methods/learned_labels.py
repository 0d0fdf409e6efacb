"""Labels that are learned: a row of each example's own, and what it tells."""

import numpy as np
import tensorflow as tf

from fsr_gdw_tf import example_state, losses
from fsr_gdw_tf.errors import InvalidInput
from fsr_gdw_tf.example_state import (
    example_table,
    require_indices,
    require_same_examples,
)
from fsr_gdw_tf.regularisers.mixup import MixUp


class LabelTable:
    """scale * the given label + what has been learned, of each example."""

    def __init__(self, part, classifier, source, scale: float = 1.0):
        self.scale = scale
        self.learned = example_table(
            part, "learned", len(source), 0.0, classifier.classes
        )

    def rows(self, batch) -> tf.Tensor:
        """The rows of a batch."""
        learned = tf.gather(self.learned.value, batch["index"])
        label = tf.cast(batch["label"], learned.dtype)
        return self.scale * label + learned

    def write(self, batch, rows: tf.Tensor) -> None:
        """Remember other rows for this batch."""
        label = tf.cast(batch["label"], rows.dtype)
        learned = rows - self.scale * label
        example_state.scatter_rows(self.learned, batch["index"], learned)

    def labels(self, source) -> np.ndarray:
        """The class that each example now seems to be of."""
        rows = np.array(self.learned)
        rows[np.arange(len(rows)), source.labels] += self.scale
        return rows.argmax(axis=1)

    def report(self, source) -> dict[str, float]:
        """How many labels have changed, and whether they are right now."""
        labels = self.labels(source)
        logs = {"labels_changed": float(np.mean(labels != source.labels))}
        if source.true_labels is not None:
            logs["label_accuracy"] = float(
                np.mean(labels == source.true_labels)
            )
        return logs


class LearnsLabels:
    """What is put before a method whose labels are learned.

    In reports an example weighs what is left of its given label.
    """

    scale = 1.0  # of the given label, where learning starts
    labels = None

    def setup(self, classifier, source, pipeline) -> None:
        """A row for each example."""
        who = type(self).__name__
        require_indices(who, source)
        require_same_examples(self, source)
        if any(isinstance(r, MixUp) for r in classifier.regularisers):
            raise InvalidInput(
                f"{who} learns a label for each example, and MixUp mixes "
                "labels; leave MixUp out"
            )
        if self.labels is None:
            self.labels = LabelTable(self, classifier, source, self.scale)
        super().setup(classifier, source, pipeline)

    def report(self, source) -> dict[str, float]:
        """Also how many labels have changed."""
        known = self.labels.report(source) if self.labels else {}
        return super().report(source) | known

    def per_example(self, source) -> dict[str, np.ndarray]:
        """Also the learned label."""
        known = super().per_example(source)
        if self.labels:
            known["learned_label"] = self.labels.labels(source)
        return known


def divergence(logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """KL(p || y) / C: what PENCIL and MSLG train on."""
    return losses.divergence(logits, labels) / logits.shape[-1]


def uncertainty(logits, weight: float, counts: tf.Tensor) -> tf.Tensor:
    """weight * H(p) / C, while it counts: so that predictions decide."""
    weight = tf.where(counts, weight / logits.shape[-1], 0.0)
    return tf.cast(weight, logits.dtype) * losses.entropy(logits)
