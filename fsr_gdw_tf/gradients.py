"""The ops with gradients of their own: all custom gradients are here."""

import tensorflow as tf


@tf.custom_gradient
def scale_gradient(logits: tf.Tensor, weights: tf.Tensor):
    """The logits as they are; backward, `weights * upstream`.

    `weights` is `[batch, 1]`, one per example, or `[batch, classes]`, one per
    example and class (Eq. 2 of GDW). The backward pass can be differentiated
    once more in the weights; the forward pass does not depend on them.
    """

    def backward(upstream):
        return weights * upstream, tf.zeros_like(weights)

    return tf.identity(logits), backward
