"""Losses of each example, `[batch]`, and the custom gradient of weighting.

Losses are pure functions and not reduced: the train step divides by the global
batch size, once. `p` is softmax(z) of the logits z, `y` a one-hot or soft
label. `scale_gradient` is the package's only custom gradient: all methods that
weight examples or classes share it.

TensorFlow's fused cross-entropy is not used: its mixed second derivative with
respect to the labels is silently zero, and methods that learn labels need it.
"""

import tensorflow as tf


def cross_entropy(labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Return -sum_j y_j log p_j."""
    labels = tf.cast(labels, logits.dtype)
    return -tf.reduce_sum(labels * tf.nn.log_softmax(logits), axis=-1)


def focal(labels: tf.Tensor, logits: tf.Tensor, gamma: float) -> tf.Tensor:
    """Return -sum_j y_j (1 - p_j)^gamma log p_j, the focal loss of a softmax.

    Eq. 4 of Lin et al., https://arxiv.org/abs/1708.02002.
    """
    labels = tf.cast(labels, logits.dtype)
    log_p = tf.nn.log_softmax(logits)
    # The floor keeps the gradient finite for gamma < 1 where p rounds to one.
    one_minus_p = tf.maximum(-tf.math.expm1(log_p), 1e-7)
    return -tf.reduce_sum(labels * one_minus_p**gamma * log_p, axis=-1)


def sigmoid_focal(
    labels: tf.Tensor, logits: tf.Tensor, gamma: float = 0.0
) -> tf.Tensor:
    """Return the focal loss of one sigmoid per class, summed over classes.

    Cui et al., https://arxiv.org/abs/1901.05555, section 4.3, without class
    weights; gamma = 0 gives binary cross-entropies, section 4.2.
    """
    labels = tf.cast(labels, logits.dtype)
    # 1 - sigmoid(z) = sigmoid(-z), without cancellation or infinite gradients.
    log_p, log_not_p = tf.math.log_sigmoid(logits), tf.math.log_sigmoid(-logits)
    per_class = labels * tf.exp(gamma * log_not_p) * log_p
    per_class += (1.0 - labels) * tf.exp(gamma * log_p) * log_not_p
    return -tf.reduce_sum(per_class, axis=-1)


def generalised_cross_entropy(
    labels: tf.Tensor, logits: tf.Tensor, q: float
) -> tf.Tensor:
    """Return sum_j y_j (1 - p_j^q) / q.

    Eq. 6 of Zhang & Sabuncu, https://arxiv.org/abs/1805.07836.
    """
    labels = tf.cast(labels, logits.dtype)
    # expm1 is accurate for small q, where p^q is close to one.
    per_class = -tf.math.expm1(q * tf.nn.log_softmax(logits)) / q
    return tf.reduce_sum(labels * per_class, axis=-1)


def forward_corrected(
    labels: tf.Tensor, logits: tf.Tensor, matrix: tf.Tensor
) -> tf.Tensor:
    """Return -sum_j y_j log (p T)_j, T the noise transition matrix.

    Theorem 2 of Patrini et al., https://arxiv.org/abs/1609.03683.
    """
    labels = tf.cast(labels, logits.dtype)
    noisy_probs = tf.nn.softmax(logits) @ tf.cast(matrix, logits.dtype)
    # The gradient of a label that T rules out is zero instead of infinite.
    log_noisy = tf.math.log(tf.maximum(noisy_probs, 1e-30))
    return -tf.reduce_sum(labels * log_noisy, axis=-1)


def kl_divergence(logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """Return KL(p || y) = sum_j p_j (log p_j - log y_j).

    PENCIL and MSLG learn labels by it; the prediction comes first.
    """
    labels = tf.cast(labels, logits.dtype)
    # 1e-10, as in the code of MSLG, keeps log y finite at y = 0.
    log_ratio = tf.nn.log_softmax(logits) - tf.math.log(labels + 1e-10)
    return tf.reduce_sum(tf.nn.softmax(logits) * log_ratio, axis=-1)


def entropy(logits: tf.Tensor) -> tf.Tensor:
    """Return the entropy of the prediction, -sum_j p_j log p_j."""
    probs, log_p = tf.nn.softmax(logits), tf.nn.log_softmax(logits)
    return -tf.reduce_sum(probs * log_p, axis=-1)


def capped_probs(logits: tf.Tensor, cap: float) -> tf.Tensor:
    """Return p with each entry at most `cap`, not renormalised.

    The code of GDW has cap = 0.999: 1 - p is a denominator in Eq. 4.
    """
    return tf.minimum(tf.nn.softmax(logits), tf.cast(cap, logits.dtype))


def capped_cross_entropy(
    labels: tf.Tensor, logits: tf.Tensor, cap: float
) -> tf.Tensor:
    """Return cross-entropy whose gradient on the logits is min(p, cap) - y.

    This is D_1 of GDW's Eq. 1 as its code computes it: an example that is
    fitted almost perfectly keeps a small gradient.
    """
    labels = tf.cast(labels, logits.dtype)
    delta = tf.stop_gradient(capped_probs(logits, cap) - labels)
    value = tf.stop_gradient(cross_entropy(labels, logits))
    # Zero, with gradient one: adds delta to the gradient and not to the value.
    zero = logits - tf.stop_gradient(logits)
    return value + tf.reduce_sum(delta * zero, axis=-1)


def smooth_labels(labels: tf.Tensor, smoothing: float) -> tf.Tensor:
    """Return y (1 - s) + s / C: label smoothing over all classes."""
    classes = labels.shape[-1]
    return labels * (1.0 - smoothing) + smoothing / classes


# The gradient manipulation that all weighting methods share.


@tf.custom_gradient
def scale_gradient(logits: tf.Tensor, weights: tf.Tensor):
    """Return the logits; multiply the gradient that flows back by `weights`.

    Eq. 2 of GDW. `weights` is `[batch, 1]`, one per example, or `[batch,
    classes]`, one per example and class. The gradient can be differentiated
    with respect to the weights, as meta-learning does.
    """

    def backward(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        # Eq. 2 of GDW: omega * D_1. The loss itself does not depend on omega.
        return weights * upstream, tf.zeros_like(weights)

    return tf.identity(logits), backward
