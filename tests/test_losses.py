"""Loss functions against literal numbers."""

import math

import numpy as np
import pytest
import tensorflow as tf
from support.models import TWO

from fsr_gdw_tf import losses
from fsr_gdw_tf.losses import scale_gradient


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


@pytest.mark.usefixtures("double")
def test_scale_gradient_is_twice_differentiable():
    """d/dw of |w u|^2 is 2 w u^2, summed where w is broadcast."""
    z = tf.constant([[1.0, 2.0], [3.0, 4.0]])
    u = tf.constant([[1.0, -2.0], [0.5, 3.0]])
    for w in (tf.constant([[0.5], [2.0]]), tf.constant([[1.0, 2], [3, 4]])):
        with tf.GradientTape() as outer:
            outer.watch(w)
            with tf.GradientTape() as inner:
                inner.watch(z)
                y = tf.reduce_sum(scale_gradient(z, w) * u)
            pulled = inner.gradient(y, z)
            size = tf.reduce_sum(pulled**2)
        np.testing.assert_allclose(pulled, w * u)
        expected = 2 * w * u**2
        if w.shape[1] == 1:
            expected = tf.reduce_sum(expected, 1, keepdims=True)
        np.testing.assert_allclose(outer.gradient(size, w), expected)


def test_forward_correction_predicts_the_given_label():
    """p T = (.75 * .8 + .25 * .1, .75 * .2 + .25 * .9) = (.625, .375)."""
    matrix = tf.constant([[0.8, 0.2], [0.1, 0.9]])
    found = losses.forward_corrected(tf.eye(2), TWO, matrix)
    np.testing.assert_allclose(found, -np.log([0.625, 0.375]), rtol=1e-6)


def test_a_label_that_cannot_be_has_a_finite_slope():
    logits = tf.constant([[0.0, 200.0]])
    with tf.GradientTape() as tape:
        tape.watch(logits)
        matrix = tf.constant([[0.0, 1.0], [0.0, 1.0]])
        loss = losses.forward_corrected(tf.eye(2)[:1], logits, matrix)
    assert np.isfinite(tape.gradient(loss, logits)).all()


def test_divergence_and_entropy_of_known_probabilities():
    """KL((3/4, 1/4) || (1/2, 1/2)), and the entropy of (3/4, 1/4)."""
    found = losses.kl_divergence(TWO[:1], tf.constant([[0.5, 0.5]]))
    bits = 0.75 * np.log(0.75) + 0.25 * np.log(0.25)
    np.testing.assert_allclose(found, [np.log(2) + bits], rtol=1e-5)
    np.testing.assert_allclose(losses.entropy(TWO[:1]), [-bits], rtol=1e-6)
