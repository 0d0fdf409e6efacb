"""Co-teaching: two networks; each trains on the other's small-loss examples.

Han et al., "Co-teaching: Robust Training of Deep Neural Networks with Extremely
Noisy Labels", https://arxiv.org/abs/1804.06872, Algorithm 1. The forget rate
rises over ten epochs, as in the authors' code. The peer is a second
`Classifier`, trained by the same step with the same learning rates; the first
network is the one that is evaluated. Deviations: the loss is the mean over the
selected examples (the authors' code divides by their number twice); the peer
has no penalties of regularisers and no moving average of its weights.
"""

import warnings

import gin
import keras
import numpy as np
import tensorflow as tf

from fsr_gdw_tf import losses
from fsr_gdw_tf.distribution import collectives
from fsr_gdw_tf.errors import INF, InvalidInput, require_range
from fsr_gdw_tf.method import Batch
from fsr_gdw_tf.methods.reweighting import ReweightingMethod
from fsr_gdw_tf.networks.split import clone_architecture, input_shapes, split
from fsr_gdw_tf.optimizers import clone_optimizer


@gin.register
class CoTeaching(ReweightingMethod):
    """Weight zero for the share of a batch on which the peer's loss is largest.

    forget_rate: the final share; set it to the rate of wrong labels.
    rise: epochs in which the share rises linearly from zero.
    network: a second Keras classifier; None is a copy of the architecture, in
        which frozen layers keep their weights and others get random ones.
    head: the name of its last Dense layer, if it is a subclassed model.
    """

    def __init__(
        self,
        forget_rate: float,
        rise: float = 10,
        network: keras.Model | None = None,
        head: str | None = None,
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
        self.peer_parts = None if network is None else split(network, head)
        self.peer = None

    @property
    def optimizers(self) -> list:
        return [self.peer.optimizer] if self.peer else []

    def setup(self, classifier, source, pipeline) -> None:
        if self.peer is not None:
            return
        features, head = self.peer_parts or clone_architecture(
            classifier.network
        )
        check_peer(classifier, features, head)
        self.peer = type(classifier)(
            features,
            head,
            SelectedOnly(),
            l2=classifier.l2,
            track_labels=False,
        )
        self.peer.compile(clone_optimizer(classifier.optimizer))

    def example_weights(self, classifier, batch, logits) -> tf.Tensor:
        # Algorithm 1: each network selects for the other, with its weights from
        # before this step.
        selected = self.small_loss_weights(classifier, batch, logits)
        selected = self.apply_warmup(classifier, batch, selected)
        peer_logits = self.peer.update_weights({**batch, "selected": selected})
        return self.small_loss_weights(classifier, batch, peer_logits)

    def small_loss_weights(
        self, classifier: keras.Model, batch: Batch, logits: tf.Tensor
    ) -> tf.Tensor:
        """Return equal weights for the smallest losses, zero for the others."""
        loss = tf.stop_gradient(losses.cross_entropy(batch["label"], logits))
        n = tf.cast(collectives.global_size(loss), "float32")
        keep_rate = 1.0 - self.current_forget_rate(classifier)
        # The 1e-3 makes up for a product that is rounded below an integer.
        n_kept = tf.floor(keep_rate * n + 1e-3)
        n_kept = tf.maximum(n_kept, 1.0)
        small = collectives.global_ranks(loss) < tf.cast(n_kept, "int32")
        omega = tf.where(small, n / n_kept, 0.0)
        return tf.cast(omega, logits.dtype)[:, None]

    def current_forget_rate(self, classifier: keras.Model) -> tf.Tensor:
        """Return the share with weight zero in this epoch, 0 in the first."""
        epoch = tf.cast(classifier.epoch.value, "float32")
        return self.forget_rate * tf.minimum(epoch / max(self.rise - 1, 1), 1.0)


class SelectedOnly(ReweightingMethod):
    """The peer's method: the weights that the first network has chosen."""

    def example_weights(self, classifier, batch, logits) -> tf.Tensor:
        return batch["selected"]


def check_peer(
    classifier: keras.Model, features: keras.Model, head: keras.layers.Layer
) -> None:
    """Raise if the peer does not fit the data, or has the same weights."""
    for what, first, second in (
        (
            "inputs of shape",
            input_shapes(classifier.features),
            input_shapes(features),
        ),
        ("classes", classifier.classes, head.units),
    ):
        if first != second:
            raise InvalidInput(
                f"the second network of CoTeaching has {what} {second}, the "
                f"first {first}; build both for the same data"
            )
    peer_weights = [*features.trainable_variables, *head.trainable_variables]
    pairs = list(zip(classifier.network_variables, peer_weights, strict=False))
    if all(a.shape == b.shape and np.array_equal(a, b) for a, b in pairs):
        raise InvalidInput(
            "both networks of CoTeaching have the same weights (initialisers "
            "with a fixed seed?) and would stay the same; pass a second one, "
            "network=model"
        )
