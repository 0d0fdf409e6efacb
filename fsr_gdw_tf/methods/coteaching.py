"""Co-teaching: two networks; each trains on what the other finds easy.

Han et al., "Co-teaching: Robust Training of Deep Neural Networks with Extremely
Noisy Labels", https://arxiv.org/abs/1804.06872, Algorithm 1, with the rise over
ten epochs of its code. The peer is a second `Classifier`, trained by the
same step with the same rates; the first network is the one that is tested.
Deviations: the loss is the mean over what is selected (the authors' code
divides by their number twice); the peer gets no penalties of regularisers and
has no moving average of its weights.
"""

import warnings

import gin
import keras
import numpy as np
import tensorflow as tf

from fsr_gdw_tf import losses
from fsr_gdw_tf.distribution import collectives
from fsr_gdw_tf.errors import INF, InvalidInput, require_range
from fsr_gdw_tf.method import Batch, apply_warmup
from fsr_gdw_tf.methods.reweighting import ReweightingMethod
from fsr_gdw_tf.networks.split import clone_architecture, split
from fsr_gdw_tf.optimizers import clone_optimizer


@gin.register
class CoTeaching(ReweightingMethod):
    """Weight zero for the share with the largest loss of the peer.

    forget_rate: that share in the end: the rate of wrong labels.
    rise: epochs until then, from zero in a straight line.
    network: a second Keras classifier; None is a copy of the architecture:
        what is frozen stays as it is, all else starts from random weights.
    """

    def __init__(
        self,
        forget_rate: float,
        rise: float = 10,
        network: keras.Model | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        require_range(0, 1, forget_rate=forget_rate)
        require_range(1, INF, rise=rise)
        self.forget_rate, self.rise = forget_rate, rise
        if not forget_rate:
            warnings.warn(
                "CoTeaching with forget_rate=0 is two plain networks; set it "
                "(FORGET_RATE) to the share of labels that are wrong",
                stacklevel=2,
            )
        self.second = split(network) if network is not None else None
        self.peer = None

    @property
    def optimizers(self) -> list:
        return [self.peer.optimizer] if self.peer else []

    def setup(self, classifier, source, pipeline) -> None:
        if self.peer is not None:
            return
        parts = self.second or clone_architecture(
            classifier.features, classifier.head
        )
        require_another(classifier, *parts)
        self.peer = type(classifier)(
            *parts, SelectedOnly(), l2=classifier.l2, track_labels=False
        )
        self.peer.compile(clone_optimizer(classifier.optimizer))

    def example_weights(self, classifier, batch: Batch, logits) -> tf.Tensor:
        # Algorithm 1: each network selects for the other, with the weights
        # before this step.
        selected = self.small_losses(classifier, batch, logits)
        plain = self.plain_omega(batch, logits)
        selected = apply_warmup(classifier, selected, plain)
        peer_logits = self.peer.update_weights({**batch, "selected": selected})
        return self.small_losses(classifier, batch, peer_logits)

    def small_losses(self, classifier, batch: Batch, logits) -> tf.Tensor:
        """Return equal weights for the small losses, zero for the others."""
        loss = tf.stop_gradient(losses.cross_entropy(batch["label"], logits))
        n = tf.cast(collectives.global_size(loss), "float32")
        # A product a rounding error below an integer is that integer.
        n_kept = tf.floor((1.0 - self.forgotten(classifier)) * n + 1e-3)
        n_kept = tf.maximum(n_kept, 1.0)
        small = collectives.global_ranks(loss) < tf.cast(n_kept, "int32")
        omega = tf.where(small, n / n_kept, 0.0)
        return tf.cast(omega, logits.dtype)[:, None]

    def forgotten(self, classifier) -> tf.Tensor:
        """Return the share that is left out in this epoch, 0 in the first."""
        epoch = tf.cast(classifier.epoch.value, "float32")
        return self.forget_rate * tf.minimum(epoch / max(self.rise - 1, 1), 1.0)


class SelectedOnly(ReweightingMethod):
    """The peer's method: train on what the other network has selected."""

    def example_weights(self, classifier, batch: Batch, logits) -> tf.Tensor:
        return batch["selected"]


def require_another(classifier, features: keras.Model, head) -> None:
    """Refuse a second network of another kind, or that is the same."""
    for what, mine, its in (
        (
            "inputs of shape",
            classifier.features.input_shape,
            features.input_shape,
        ),
        ("classes", classifier.classes, head.units),
    ):
        if mine != its:
            raise InvalidInput(
                f"the second network of CoTeaching has {what} {its}, the first "
                f"{mine}; make them alike"
            )
    theirs = [*features.trainable_variables, *head.trainable_variables]
    both = list(zip(classifier.network_variables, theirs, strict=False))
    if all(a.shape == b.shape and np.array_equal(a, b) for a, b in both):
        raise InvalidInput(
            "both networks of CoTeaching have the same weights (initialisers "
            "with a fixed seed?) and would stay the same; pass a second one, "
            "network=model"
        )
