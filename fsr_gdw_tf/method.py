"""The contract between a method and the one train step.

A method is a rule for the gradient on the logits. It says so through hooks,
each of which has a default, so that a method is as long as its paper's
formula. Methods are Keras layers: their variables are saved, mirrored over
replicas and resumed with the network's.
"""

import keras
import numpy as np
import tensorflow as tf

from fsr_gdw_tf import losses
from fsr_gdw_tf.errors import INF, require_range

Batch = dict[str, tf.Tensor]


class Component(keras.layers.Layer):
    """What methods and regularisers have in common."""

    @property
    def optimizers(self) -> list:
        """Optimizers whose state belongs into a checkpoint."""
        return []

    def setup(self, classifier, source, pipeline) -> None:
        """Create the state that depends on the data; called before training."""

    def begin_epoch(self, classifier, source, clean) -> None:
        """Learn from all examples at once; not called again on resuming."""

    def prepare(self, classifier, batch: Batch) -> Batch:
        """Change the batch before the forward pass."""
        return batch

    def penalty(self, classifier, batch: Batch, logits) -> tf.Tensor | float:
        """An extra loss of each example, `[batch]`; in the real step alone."""
        return 0.0

    def observe(self, classifier, batch: Batch, logits, omega) -> None:
        """Keep books about the batch after the step's gradient is known."""

    def report(self, source) -> dict[str, float]:
        """What to log at the end of an epoch."""
        return {}

    def per_example(self, source) -> dict[str, np.ndarray]:
        """What is known of each training example, a column each."""
        return {}

    def tables(self, source) -> dict[str, list[dict]]:
        """Small tables to write anew after each epoch, by file name."""
        return {}


class Method(Component):
    """What is learned from a batch: the rows of the papers' tables.

    warmup: epochs, or below 1 their share of all, of plain training first: any
        method can be deferred.
    """

    uses_meta = False  # whether it learns from a clean meta set
    meta_in_batches = True  # if so, whether each batch brings some of it
    dictionary = None  # a meta set out of the training set, if any

    def __init__(self, warmup: float = 0, **kwargs):
        super().__init__(**kwargs)
        require_range(0, INF, warmup=warmup)
        self.warmup = warmup

    def compute_omega(self, classifier, batch: Batch, forward):
        """Learn omega, whatever this method uses to shape its objective."""
        return

    def objective(self, batch: Batch, logits, omega) -> tf.Tensor:
        """Loss of each example, `[batch]`; its gradient is the method."""
        return losses.cross_entropy(batch["label"], logits)

    def loss(self, classifier, batch: Batch, logits, omega) -> tf.Tensor:
        """The objective, or plain cross-entropy during the warm-up."""
        own = self.objective(batch, logits, omega)
        if not self.warmup:
            return own
        plain = losses.cross_entropy(batch["label"], logits)
        return tf.where(warmup_done(classifier, self.warmup), own, plain)


class Regulariser(Component):
    """What can be added to any method."""


def first_epoch(warmup: float, epochs):
    """The first epoch after a warm-up; below 1 it is a share of `epochs`."""
    if warmup >= 1:
        return warmup
    return keras.ops.round(warmup * keras.ops.cast(epochs, "float32"))


def warmup_done(classifier, warmup: float) -> tf.Tensor:
    """Whether the warm-up is over."""
    first = first_epoch(warmup, classifier.epochs.value)
    return classifier.epoch.value >= tf.cast(first, "int32")


def current_epoch(classifier) -> tuple[int, int]:
    """The epoch, and how many there are, outside of a step."""
    return int(np.array(classifier.epoch)), int(np.array(classifier.epochs))


def epochs_since_warmup(classifier, warmup: float) -> int:
    """How many epochs ago the warm-up was over; below zero it is not."""
    epoch, epochs = current_epoch(classifier)
    return epoch - int(first_epoch(warmup, epochs))


def target_weight(omega: tf.Tensor, label: tf.Tensor) -> tf.Tensor:
    """Each example's weight at its label, `[batch]`; a mean if it is mixed."""
    return tf.reduce_sum(omega * tf.cast(label, omega.dtype), axis=-1)
