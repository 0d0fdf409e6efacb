"""Losses: pure, unreduced, one number per example.

Losses are written out instead of taken from TensorFlow's fused kernels: the
fused cross-entropy gives a silent zero for the mixed second derivative with
respect to the labels, which the methods that learn labels live on.
"""

import tensorflow as tf


def cross_entropy(labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """-sum_j y_j log softmax(z)_j of each example, `[batch]`."""
    return -tf.reduce_sum(labels * tf.nn.log_softmax(logits), axis=-1)


def smooth_labels(labels: tf.Tensor, smoothing: float) -> tf.Tensor:
    """y (1 - s) + s / C: part of each label is spread over all classes."""
    classes = labels.shape[-1]
    return labels * (1.0 - smoothing) + smoothing / classes
