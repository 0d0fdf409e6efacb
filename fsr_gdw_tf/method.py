"""The contract between a method and the one train step.

A method is a rule for the gradient on the logits. It implements hooks, each of
which has a default, so that a method is about as long as its paper's formula.
Methods are Keras layers: their variables are saved, mirrored over replicas and
restored together with the network's.
"""

import inspect
from typing import NamedTuple, TypedDict

import keras
import numpy as np
import tensorflow as tf

from fsr_gdw_tf import losses
from fsr_gdw_tf.errors import INF, require_annotated, require_range


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
    random_states: list  # of dropout, as the forward pass begins with them
    given_weight: tf.Tensor  # PosteriorWeights: the weight before theirs
    recordable: tf.Tensor  # False where the inputs are not those of the index
    selected: tf.Tensor  # Co-teaching: the peer's weights


class Forward(NamedTuple):
    """The only forward pass of a step; its tape gives all gradients."""

    tape: tf.GradientTape
    features: tf.Tensor
    logits: tf.Tensor


class OmegaUpdate(NamedTuple):
    """Omega before and after a method's update in a step.

    Methods with a dictionary add the logits of the un-mixed training batch
    before and after the virtual step.
    """

    before: tf.Tensor | None = None
    after: tf.Tensor | None = None
    logits_before: tf.Tensor | None = None
    logits_after: tf.Tensor | None = None


class Component(keras.layers.Layer):
    """Base class of methods and regularisers.

    In the hooks `classifier` is the `Classifier`; `source` is the training set
    (a `Source`, or None if examples have no numbers), `clean` the meta set, and
    `pipeline` the `InputPipeline` that makes the batches.
    """

    def __new__(cls, *args, **kwargs):
        """Check the types of all arguments, as each class would have to."""
        names = [*inspect.signature(cls.__init__).parameters][1:]
        given = {**dict(zip(names, args, strict=False)), **kwargs}
        # Who passes a clean set here gets a better answer in `__init__`.
        given.pop("meta", None)
        require_annotated(cls, given)
        return super().__new__(cls, *args, **kwargs)

    @property
    def optimizers(self) -> list[keras.optimizers.Optimizer]:
        """The component's own optimizers, saved in checkpoints."""
        return []

    def setup(self, classifier: keras.Model, source, pipeline) -> None:
        """Create the state that depends on the data; called before training."""

    def begin_epoch(self, classifier: keras.Model, source, clean) -> None:
        """Update state from all examples; skipped when resuming mid-epoch."""

    def prepare(self, classifier: keras.Model, batch: Batch) -> Batch:
        """Return the batch, changed, before the forward pass."""
        return batch

    def penalty(
        self, classifier: keras.Model, batch: Batch, logits: tf.Tensor
    ) -> tf.Tensor | float:
        """Return a loss per example that is added in the real step only."""
        return 0.0

    def observe(
        self,
        classifier: keras.Model,
        batch: Batch,
        logits: tf.Tensor,
        omega: tf.Tensor | None,
    ) -> None:
        """Update state for later steps, after the weights were updated."""

    def epoch_logs(self, source) -> dict[str, float]:
        """Return numbers to log at the end of an epoch."""
        return {}

    def summary(self) -> str:
        """Return a line that is printed after the training, or nothing."""
        return ""


class Method(Component):
    """Base class of training methods, the rows of the papers' tables.

    warmup: epochs of plain training first; below 1, as a share of all epochs.
    """

    uses_meta = False  # whether it needs a clean meta set
    meta_in_batches = True  # if so, whether each batch has a part of it
    dictionary = None  # a meta set chosen from the training set, if any
    logs_zero_weights = False  # whether its rule can set weights to zero

    def __init__(self, warmup: float = 0, **kwargs):
        super().__init__(**kwargs)
        require_range(0, INF, warmup=warmup)
        self.warmup = warmup

    def plain_omega(self, batch: Batch, logits: tf.Tensor) -> tf.Tensor | None:
        """Return the omega of plain training, used in the warm-up.

        If it is None, cross-entropy replaces the objective in the warm-up.
        """
        return None

    def apply_warmup(
        self, classifier: keras.Model, batch: Batch, omega: tf.Tensor
    ) -> tf.Tensor:
        """Return omega, or that of plain training during the warm-up."""
        plain = self.plain_omega(batch, omega)
        return apply_warmup(classifier, omega, plain)

    def compute_omega(
        self, classifier: keras.Model, batch: Batch, forward: Forward
    ) -> tf.Tensor | OmegaUpdate | None:
        """Return omega: weights, or labels, that `objective` depends on."""
        return None

    def objective(
        self, batch: Batch, logits: tf.Tensor, omega: tf.Tensor | None
    ) -> tf.Tensor:
        """Return each example's loss, `[batch]`, for virtual and real step."""
        return losses.cross_entropy(batch["label"], logits)


class Regulariser(Component):
    """Base class of regularisers, which can be combined with any method."""


def first_epoch(warmup: float, epochs: int | tf.Tensor) -> float | tf.Tensor:
    """Return the first epoch after a warm-up of epochs or, below 1, a share."""
    if warmup >= 1:
        return warmup
    return keras.ops.round(warmup * keras.ops.cast(epochs, "float32"))


def warmup_done(classifier: keras.Model, warmup: float) -> tf.Tensor:
    """Return whether the warm-up is over; for use inside a step."""
    first = first_epoch(warmup, classifier.epochs.value)
    return classifier.epoch.value >= tf.cast(first, "int32")


def apply_warmup(
    classifier: keras.Model, value: tf.Tensor, plain: tf.Tensor | None
) -> tf.Tensor:
    """Return `value`; in the method's warm-up `plain`, if that is not None."""
    warmup = classifier.method.warmup
    if not warmup or plain is None:
        return value
    return tf.where(warmup_done(classifier, warmup), value, plain)


def current_epoch(classifier: keras.Model) -> tuple[int, int]:
    """Return the epoch and the number of epochs; for use outside of a step."""
    return int(np.array(classifier.epoch)), int(np.array(classifier.epochs))


def epochs_since_warmup(classifier: keras.Model, warmup: float) -> int:
    """Return how many epochs ago the warm-up ended; negative before its end."""
    epoch, epochs = current_epoch(classifier)
    return epoch - int(first_epoch(warmup, epochs))


def target_weight(omega: tf.Tensor, label: tf.Tensor) -> tf.Tensor:
    """Return each example's weight at its label (mean over a mixed label)."""
    return tf.reduce_sum(omega * tf.cast(label, omega.dtype), axis=-1)
