"""Learned labels: a trained row of label parameters per example."""

import keras
import numpy as np
import tensorflow as tf

from fsr_gdw_tf import example_state, losses
from fsr_gdw_tf.data.source import Source
from fsr_gdw_tf.errors import InvalidInput
from fsr_gdw_tf.example_state import (
    example_table,
    require_indices,
    require_same_examples,
)
from fsr_gdw_tf.method import Batch, Method
from fsr_gdw_tf.regularisers.mixup import MixUp


class LabelTable:
    """A row per example: scale * given label + a learned change.

    Only the change is stored, so the table does not need the labels.
    """

    def __init__(
        self,
        method: Method,
        classifier: keras.Model,
        source: Source,
        scale: float = 1.0,
    ):
        self.scale = scale
        self.learned = example_table(
            method, "learned", len(source), 0.0, classifier.classes
        )

    def rows(self, batch: Batch) -> tf.Tensor:
        """Return the rows of a batch."""
        learned = tf.gather(self.learned.value, batch["index"])
        label = tf.cast(batch["label"], learned.dtype)
        return self.scale * label + learned

    def write(self, batch: Batch, rows: tf.Tensor) -> None:
        """Replace the rows of a batch."""
        label = tf.cast(batch["label"], rows.dtype)
        learned = rows - self.scale * label
        example_state.scatter_rows(self.learned, batch["index"], learned)

    def classes(self, source: Source) -> np.ndarray:
        """Return the most probable class of each example."""
        rows = np.array(self.learned)
        rows[np.arange(len(rows)), source.labels] += self.scale
        return rows.argmax(axis=1)


def setup_label_table(
    method: Method,
    classifier: keras.Model,
    source: Source | None,
    scale: float = 1.0,
) -> LabelTable:
    """Return the method's table, created at the first call."""
    name = type(method).__name__
    require_indices(name, source)
    require_same_examples(method, source)
    if any(isinstance(r, MixUp) for r in classifier.regularisers):
        raise InvalidInput(
            f"{name} learns a label for each example, and MixUp mixes labels; "
            "leave MixUp out"
        )
    return method.label_table or LabelTable(method, classifier, source, scale)


def divergence(logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """Return KL(p || y) / C, the loss of PENCIL and MSLG."""
    return losses.kl_divergence(logits, labels) / logits.shape[-1]


def entropy_penalty(
    logits: tf.Tensor, weight: float, active: tf.Tensor
) -> tf.Tensor:
    """Return weight * H(p) / C if active, else 0: favours high confidence."""
    weight = tf.where(active, weight / logits.shape[-1], 0.0)
    return tf.cast(weight, logits.dtype) * losses.entropy(logits)
