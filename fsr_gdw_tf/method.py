"""The contract between a method and the one train step.

A method is a rule for the gradient on the logits. It says so through hooks,
each of which has a default, so that a method is as long as its paper's
formula. Methods are Keras layers: their variables are saved, mirrored over
replicas and resumed with the network's.
"""

from typing import NamedTuple, TypedDict

import keras
import numpy as np
import tensorflow as tf

from fsr_gdw_tf import losses
from fsr_gdw_tf.errors import INF, require_range


class Batch(TypedDict, total=False):
    """Every key that a batch can have."""

    # From the input pipeline:
    inputs: tf.Tensor
    label: tf.Tensor  # one-hot, or mixed: [batch, classes]
    index: tf.Tensor  # of each example in its source
    weight: tf.Tensor  # given with the data, multiplies the loss
    meta_inputs: tf.Tensor  # a clean meta batch, or the dictionary's
    meta_label: tf.Tensor
    # Added by `prepare`, before the forward pass:
    unmixed_inputs: tf.Tensor  # MixUp
    unmixed_label: tf.Tensor
    meta_features: tf.Tensor  # a dictionary with a feature bank
    meta_grad: list  # of the meta loss, taken before the forward pass
    recordable: tf.Tensor  # False where the inputs are not those of the index
    selected: tf.Tensor  # Co-teaching: the peer's weights


class Forward(NamedTuple):
    """The step's one forward pass; every gradient is a pullback through it."""

    tape: tf.GradientTape
    features: tf.Tensor
    logits: tf.Tensor


class OmegaUpdate(NamedTuple):
    """omega before and after a method has updated it in a step.

    For methods with a dictionary also the logits of the un-mixed training
    batch, before and after the virtual step.
    """

    before: tf.Tensor | None = None
    after: tf.Tensor | None = None
    logits_before: tf.Tensor | None = None
    logits_after: tf.Tensor | None = None


class Component(keras.layers.Layer):
    """What methods and regularisers have in common."""

    @property
    def optimizers(self) -> list[keras.optimizers.Optimizer]:
        """Optimizers of the component's own, saved in checkpoints."""
        return []

    def setup(self, classifier, source, pipeline) -> None:
        """Create the state that depends on the data; called before training."""

    def begin_epoch(self, classifier, source, clean) -> None:
        """Update state from all examples; skipped when resuming mid-epoch."""

    def prepare(self, classifier, batch: Batch) -> Batch:
        """Change the batch before the forward pass."""
        return batch

    def penalty(self, classifier, batch: Batch, logits) -> tf.Tensor | float:
        """Return an extra loss of each example for the real step."""
        return 0.0

    def observe(self, classifier, batch: Batch, logits, omega) -> None:
        """Update state that later steps use, after the gradient is known."""

    def epoch_logs(self, source) -> dict[str, float]:
        """Return what to log at the end of an epoch."""
        return {}


class Method(Component):
    """What is learned from a batch: the rows of the papers' tables.

    warmup: epochs, or below 1 their share of all, of plain training first: any
        method can be deferred.
    """

    uses_meta = False  # whether it learns from a clean meta set
    meta_in_batches = True  # if so, whether each batch brings some of it
    dictionary = None  # a meta set out of the training set, if any
    logs_zero_weights = False  # whether some weights are zero by its rule

    def __init__(self, warmup: float = 0, **kwargs):
        super().__init__(**kwargs)
        require_range(0, INF, warmup=warmup)
        self.warmup = warmup

    def plain_omega(self, batch: Batch, logits) -> tf.Tensor | None:
        """Return the omega of plain training, which holds in the warm-up.

        Where it is None, cross-entropy replaces the objective in the warm-up.
        """
        return None

    def compute_omega(
        self, classifier, batch: Batch, forward: Forward
    ) -> tf.Tensor | OmegaUpdate | None:
        """Return omega, whatever this method shapes its objective with."""
        return None

    def objective(self, batch: Batch, logits, omega) -> tf.Tensor:
        """Return each example's loss, `[batch]`, for virtual and real step."""
        return losses.cross_entropy(batch["label"], logits)


class Regulariser(Component):
    """What can be added to any method."""


def first_epoch(warmup: float, epochs):
    """Return the first epoch after a warm-up; below 1 it is a share."""
    if warmup >= 1:
        return warmup
    return keras.ops.round(warmup * keras.ops.cast(epochs, "float32"))


def warmup_done(classifier, warmup: float) -> tf.Tensor:
    """Return whether the warm-up is over, inside a step."""
    first = first_epoch(warmup, classifier.epochs.value)
    return classifier.epoch.value >= tf.cast(first, "int32")


def apply_warmup(classifier, value, plain):
    """Return `value`, or `plain` during the warm-up of the method."""
    warmup = classifier.method.warmup
    if not warmup or plain is None:
        return value
    return tf.where(warmup_done(classifier, warmup), value, plain)


def current_epoch(classifier) -> tuple[int, int]:
    """Return the epoch and the number of epochs, outside of a step."""
    return int(np.array(classifier.epoch)), int(np.array(classifier.epochs))


def epochs_since_warmup(classifier, warmup: float) -> int:
    """Return how many epochs ago the warm-up ended; below zero: not yet."""
    epoch, epochs = current_epoch(classifier)
    return epoch - int(first_epoch(warmup, epochs))


def target_weight(omega: tf.Tensor, label: tf.Tensor) -> tf.Tensor:
    """Return each example's weight at its label, a mean if that is mixed."""
    return tf.reduce_sum(omega * tf.cast(label, omega.dtype), axis=-1)
