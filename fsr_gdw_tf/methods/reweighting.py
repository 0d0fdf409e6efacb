"""Base class of methods that weight examples without a virtual step."""

import keras
import tensorflow as tf

from fsr_gdw_tf import losses
from fsr_gdw_tf.distribution import collectives
from fsr_gdw_tf.losses import scale_gradient
from fsr_gdw_tf.method import Batch, Method


class ReweightingMethod(Method):
    """A weight per example on the gradient of the logits, `[batch, 1]`."""

    def plain_omega(self, batch, logits) -> tf.Tensor:
        return tf.ones_like(logits[:, :1])

    def example_weights(
        self, classifier: keras.Model, batch: Batch, logits: tf.Tensor
    ) -> tf.Tensor:
        """Return the weight of each example; one is plain training."""
        raise NotImplementedError("implement example_weights")

    def compute_omega(self, classifier, batch, forward) -> tf.Tensor:
        omega = self.example_weights(classifier, batch, forward.logits)
        return self.apply_warmup(classifier, batch, omega)

    def objective(self, batch, logits, omega) -> tf.Tensor:
        # Its gradient on the logits is omega (p - y), Eq. 2 of GDW.
        scaled = scale_gradient(logits, omega)
        return losses.cross_entropy(batch["label"], scaled)


def mean_one(weights: tf.Tensor) -> tf.Tensor:
    """Scale weights to mean one over the global batch; zeros stay zeros."""
    total = collectives.all_reduce_sum(tf.reduce_sum(weights))
    n = tf.cast(collectives.global_size(weights), weights.dtype)
    return n * tf.math.divide_no_nan(weights, total)
