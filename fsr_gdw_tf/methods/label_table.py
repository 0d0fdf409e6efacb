"""Labels that are learned: a row of each example's own, and what it tells."""

import numpy as np
import tensorflow as tf

from fsr_gdw_tf import distribute
from fsr_gdw_tf.errors import BadInput
from fsr_gdw_tf.methods.mixup import MixUp
from fsr_gdw_tf.tables import example_table, require_indices, require_same


class LabelTable:
    """scale * the given label + what has been learned, of each example."""

    def __init__(self, part, learner, source, scale: float = 1.0):
        self.part, self.scale = part, scale
        self.learned = example_table(
            part, "learned", len(source), 0.0, learner.classes
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
        distribute.write_rows(self.learned, batch["index"], learned)

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


def label_table(part, learner, source, scale: float = 1.0) -> LabelTable:
    """A table for these examples, or the part's own if it has one."""
    who = type(part).__name__
    require_indices(who, source)
    require_same(part, source)
    if any(isinstance(r, MixUp) for r in learner.regularisers):
        raise BadInput(
            f"{who} learns a label for each example, and MixUp mixes labels; "
            "leave MixUp out"
        )
    return part.labels or LabelTable(part, learner, source, scale)
