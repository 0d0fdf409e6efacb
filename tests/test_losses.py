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


KNOWN = tf.math.log([[0.7, 0.2, 0.1], [0.25, 0.25, 0.5]])
HOT = tf.constant([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])


def test_focal_loss_of_known_probabilities():
    """Eq. 4 of its paper: .3^2 and .5^2 times the cross-entropy."""
    found = losses.focal(HOT, KNOWN, 2.0)
    expected = [-0.09 * math.log(0.7), -0.25 * math.log(0.5)]
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_focal_loss_without_focus_is_cross_entropy():
    plain = losses.cross_entropy(HOT, KNOWN)
    np.testing.assert_allclose(losses.focal(HOT, KNOWN, 0.0), plain, rtol=1e-6)


def test_focal_loss_of_certainty_has_a_slope():
    certain = tf.constant([[200.0, 0.0, 0.0]])
    with tf.GradientTape() as tape:
        tape.watch(certain)
        loss = losses.focal(HOT[:1], certain, 0.5)
    assert np.isfinite(tape.gradient(loss, certain)).all()


def test_sigmoid_focal_loss_of_known_probabilities():
    """sigmoid(0) = 1/2; sigmoid(log 3) = 3/4."""
    logits = tf.constant([[0.0, math.log(3.0)]])
    label = tf.constant([[1.0, 0.0]])
    plain = losses.sigmoid_focal(label, logits)
    np.testing.assert_allclose(
        plain, [-math.log(0.5) - math.log(0.25)], rtol=1e-6
    )
    found = losses.sigmoid_focal(label, logits, 2.0)
    expected = -0.25 * math.log(0.5) - 0.5625 * math.log(0.25)
    np.testing.assert_allclose(found, [expected], rtol=1e-6)


def test_generalised_cross_entropy_of_known_probabilities():
    """Eq. 6 of its paper; at q = 1 it is the absolute error, halved."""
    found = losses.generalised_cross_entropy(HOT, KNOWN, 0.5)
    expected = [2 - 2 * math.sqrt(0.7), 2 - 2 * math.sqrt(0.5)]
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    error = losses.generalised_cross_entropy(HOT, KNOWN, 1.0)
    np.testing.assert_allclose(error, [0.3, 0.5], rtol=1e-6)


def test_generalised_cross_entropy_becomes_cross_entropy():
    found = losses.generalised_cross_entropy(HOT, KNOWN, 1e-6)
    plain = losses.cross_entropy(HOT, KNOWN)
    np.testing.assert_allclose(found, plain, rtol=1e-5)
