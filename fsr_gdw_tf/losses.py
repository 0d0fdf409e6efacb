"""Losses: pure, unreduced, one number per example.

Losses are written out instead of taken from TensorFlow's fused kernels: the
fused cross-entropy gives a silent zero for the mixed second derivative with
respect to the labels, which the methods that learn labels live on.
"""

import tensorflow as tf


def cross_entropy(labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """-sum_j y_j log softmax(z)_j of each example, `[batch]`."""
    labels = tf.cast(labels, logits.dtype)
    return -tf.reduce_sum(labels * tf.nn.log_softmax(logits), axis=-1)


def focal(labels: tf.Tensor, logits: tf.Tensor, gamma: float) -> tf.Tensor:
    """-sum_j y_j (1 - p_j)^gamma log p_j of each example, p a softmax."""
    labels = tf.cast(labels, logits.dtype)
    log_p = tf.nn.log_softmax(logits)
    # Where p rounds to one a power below one would have an endless slope.
    rest = tf.maximum(-tf.math.expm1(log_p), 1e-7)
    return -tf.reduce_sum(labels * rest**gamma * log_p, axis=-1)


def sigmoid_focal(
    labels: tf.Tensor, logits: tf.Tensor, gamma: float = 0.0
) -> tf.Tensor:
    """The same with a sigmoid of its own for each class, yes and no.

    With gamma = 0 it is the sum of binary cross-entropies.
    """
    labels = tf.cast(labels, logits.dtype)
    yes, no = tf.math.log_sigmoid(logits), tf.math.log_sigmoid(-logits)
    # 1 - sigmoid(z) = sigmoid(-z): no cancellation, and no endless slope.
    per_class = labels * tf.exp(gamma * no) * yes
    per_class += (1.0 - labels) * tf.exp(gamma * yes) * no
    return -tf.reduce_sum(per_class, axis=-1)


def generalised_cross_entropy(
    labels: tf.Tensor, logits: tf.Tensor, q: float
) -> tf.Tensor:
    """sum_j y_j (1 - p_j^q) / q of each example."""
    labels = tf.cast(labels, logits.dtype)
    each = -tf.math.expm1(q * tf.nn.log_softmax(logits)) / q
    return tf.reduce_sum(labels * each, axis=-1)


def forward_corrected(
    labels: tf.Tensor, logits: tf.Tensor, matrix: tf.Tensor
) -> tf.Tensor:
    """-sum_j y_j log (p T)_j: the loss of labels that T has made of others."""
    labels = tf.cast(labels, logits.dtype)
    given = tf.nn.softmax(logits) @ tf.cast(matrix, logits.dtype)
    # An impossible label has no slope, where it had an endless one.
    log_given = tf.math.log(tf.maximum(given, 1e-30))
    return -tf.reduce_sum(labels * log_given, axis=-1)


def kl_divergence(logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """KL(p || y) = sum_j p_j (log p_j - log y_j), p the prediction."""
    labels = tf.cast(labels, logits.dtype)
    # A label of zero has no endless slope, the constant is MSLG's.
    surprise = tf.nn.log_softmax(logits) - tf.math.log(labels + 1e-10)
    return tf.reduce_sum(tf.nn.softmax(logits) * surprise, axis=-1)


def entropy(logits: tf.Tensor) -> tf.Tensor:
    """-sum_j p_j log p_j of each prediction."""
    probs, log_p = tf.nn.softmax(logits), tf.nn.log_softmax(logits)
    return -tf.reduce_sum(probs * log_p, axis=-1)


def capped_probs(logits: tf.Tensor, cap: float) -> tf.Tensor:
    """softmax(z), each entry at most `cap`; not normalised again."""
    return tf.minimum(tf.nn.softmax(logits), tf.cast(cap, logits.dtype))


def capped_cross_entropy(
    labels: tf.Tensor, logits: tf.Tensor, cap: float
) -> tf.Tensor:
    """Cross-entropy whose gradient on the logits is min(p, cap) - y.

    So the code of GDW has it: near certainty an example keeps a small pull.
    """
    labels = tf.cast(labels, logits.dtype)
    delta = tf.stop_gradient(capped_probs(logits, cap) - labels)
    value = tf.stop_gradient(cross_entropy(labels, logits))
    # The bracket is zero and its gradient one.
    bracket = logits - tf.stop_gradient(logits)
    return value + tf.reduce_sum(delta * bracket, axis=-1)


def smooth_labels(labels: tf.Tensor, smoothing: float) -> tf.Tensor:
    """y (1 - s) + s / C: part of each label is spread over all classes."""
    classes = labels.shape[-1]
    return labels * (1.0 - smoothing) + smoothing / classes


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
