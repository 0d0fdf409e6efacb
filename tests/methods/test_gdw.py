"""GDW."""

import numpy as np
import pytest
import tensorflow as tf
from support.method_cases import build, fit
from support.models import weights

from fsr_gdw_tf.methods import GDW
from fsr_gdw_tf.methods.gdw import zero_mean


def test_zero_mean_of_a_mixed_label_by_hand():
    """y = (.7, .3, 0, 0): both have weight (.2 * 2 + .1 * 5) / .3 = 3."""
    probs = tf.constant([[0.4, 0.3, 0.2, 0.1]])
    label = tf.constant([[0.7, 0.3, 0.0, 0.0]])
    omega = zero_mean(tf.constant([[9.0, 8.0, 2.0, 5.0]]), label, probs)
    np.testing.assert_allclose(omega, [[3.0, 3.0, 2.0, 5.0]], rtol=1e-6)
    assert abs(float(tf.reduce_sum(omega * (probs - label)))) < 1e-6


def test_zero_mean_survives_certainty():
    probs = tf.constant([[0.9, 0.1, 0.0], [1.0, 3e-8, 0.0]])
    label = tf.constant([[0.6, 0.4, 0.0], [1.0, 0.0, 0.0]])
    omega = zero_mean(tf.ones((2, 3)), label, probs).numpy()
    assert np.isfinite(omega).all() and (omega >= 0).all()
    assert omega.max() <= 1.0 + 1e-5


@pytest.mark.usefixtures("double")
def test_zero_mean_by_hand():
    """p = (.5, .3, .2), t = 0: omega_t = (.3 * 2 + .2 * 1) / .5 = 1.6."""
    probs = tf.constant([[0.5, 0.3, 0.2]])
    label = tf.constant([[1.0, 0.0, 0.0]])
    omega = zero_mean(tf.constant([[9.0, 2.0, 1.0]]), label, probs)
    np.testing.assert_allclose(omega, [[1.6, 2.0, 1.0]], rtol=1e-6)
    assert abs(float(tf.reduce_sum(omega * (probs - label)))) < 1e-6


@pytest.mark.usefixtures("double")
def test_class_update_by_hand():
    """g of L1 norm 10, rate 2: steps of .2 g, clipped at .2; zero is safe."""
    method = GDW(outer_rate=2.0)
    g = tf.constant([[0.5, -4.0], [-0.5, 5.0]])
    np.testing.assert_allclose(
        method.class_update(g), [[0.1, -0.2], [-0.1, 0.2]], rtol=1e-6
    )
    np.testing.assert_array_equal(method.class_update(0 * g), 0 * g)


@pytest.mark.usefixtures("double")
@pytest.mark.parametrize(
    ("outer", "n", "classes"), [(100.0, 100, 10), (1000.0, 100, 100)]
)
def test_default_outer_rate_is_the_papers_in_both_settings(outer, n, classes):
    g = tf.random.stateless_normal((n, classes), [0, 1])
    np.testing.assert_allclose(
        GDW().class_update(g), GDW(outer_rate=outer).class_update(g), rtol=1e-6
    )


def test_gdw_head_moves_only_omega_by_the_head():
    """The real step still trains the whole network."""
    model = build("gdw_head")
    before = weights(model)
    fit(model, epochs=1)
    assert all(
        (a != b).any() for a, b in zip(before, weights(model), strict=True)
    )
