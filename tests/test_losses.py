"""Losses give the textbook's numbers, and their second derivatives live."""

import math

import numpy as np
import tensorflow as tf

from fsr_gdw_tf import losses


def test_cross_entropy_of_known_probabilities():
    logits = tf.math.log([[0.7, 0.2, 0.1], [0.25, 0.25, 0.5]])
    labels = tf.constant([[1.0, 0.0, 0.0], [0.0, 0.5, 0.5]])
    loss = losses.cross_entropy(labels, logits)
    expected = [-math.log(0.7), -(math.log(0.25) + math.log(0.5)) / 2]
    np.testing.assert_allclose(loss, expected, rtol=1e-6)


def test_smoothed_label():
    smooth = losses.smooth_labels(tf.constant([[0.0, 1.0, 0.0, 0.0]]), 0.2)
    np.testing.assert_allclose(smooth, [[0.05, 0.85, 0.05, 0.05]], rtol=1e-6)


def test_mixed_derivative_with_labels_is_not_silently_zero():
    """d/dy (d/dz CE) v = -v + p sum(v), here sum over one row."""
    logits = tf.constant([[0.3, -0.2, 0.5]], tf.float64)
    labels = tf.constant([[0.2, 0.3, 0.5]], tf.float64)
    v = tf.constant([[1.0, -2.0, 0.5]], tf.float64)
    with tf.GradientTape() as outer:
        outer.watch(labels)
        with tf.GradientTape() as inner:
            inner.watch(logits)
            loss = losses.cross_entropy(labels, logits)
        delta = inner.gradient(loss, logits)
        probe = tf.reduce_sum(delta * v)
    probs = tf.nn.softmax(logits)
    expected = tf.reduce_sum(probs * v) - v
    np.testing.assert_allclose(
        outer.gradient(probe, labels), expected, rtol=1e-12
    )
