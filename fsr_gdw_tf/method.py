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


class Part(keras.layers.Layer):
    """What methods and regularisers have in common."""

    @property
    def optimizers(self) -> list:
        """Optimizers whose state belongs into a checkpoint."""
        return []

    def bind(self, learner, source, batches) -> None:
        """Create the state that depends on the data; called before training."""

    def begin_epoch(self, learner, source, clean) -> None:
        """Learn from all examples at once; not called again on resuming."""

    def prepare(self, learner, batch: Batch) -> Batch:
        """Change the batch before the forward pass."""
        return batch

    def penalty(self, learner, batch: Batch, logits) -> tf.Tensor | float:
        """An extra loss of each example, `[batch]`; in the real step alone."""
        return 0.0

    def observe(self, learner, batch: Batch, logits, omega) -> None:
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


class Method(Part):
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

    def teach(self, learner, batch: Batch, forward):
        """Learn omega, whatever this method uses to shape its objective."""
        return

    def objective(self, batch: Batch, logits, omega) -> tf.Tensor:
        """Loss of each example, `[batch]`; its gradient is the method."""
        return losses.cross_entropy(batch["label"], logits)

    def loss(self, learner, batch: Batch, logits, omega) -> tf.Tensor:
        """The objective, or plain cross-entropy during the warm-up."""
        own = self.objective(batch, logits, omega)
        if not self.warmup:
            return own
        plain = losses.cross_entropy(batch["label"], logits)
        return tf.where(awake(learner, self.warmup), own, plain)


class Regulariser(Part):
    """What can be added to any method."""


def first_epoch(warmup: float, epochs):
    """The first epoch after a warm-up; below 1 it is a share of `epochs`."""
    if warmup >= 1:
        return warmup
    return keras.ops.round(warmup * keras.ops.cast(epochs, "float32"))


def awake(learner, warmup: float) -> tf.Tensor:
    """Whether the warm-up is over."""
    first = first_epoch(warmup, learner.epochs.value)
    return learner.epoch.value >= tf.cast(first, "int32")


def epochs_of(learner) -> tuple[int, int]:
    """The epoch, and how many there are, outside of a step."""
    return int(np.array(learner.epoch)), int(np.array(learner.epochs))


def since(learner, warmup: float) -> int:
    """How many epochs ago the warm-up was over; below zero it is not."""
    epoch, epochs = epochs_of(learner)
    return epoch - int(first_epoch(warmup, epochs))


def target_weight(omega: tf.Tensor, label: tf.Tensor) -> tf.Tensor:
    """Each example's weight at its label, `[batch]`; a mean if it is mixed."""
    return tf.reduce_sum(omega * tf.cast(label, omega.dtype), axis=-1)
