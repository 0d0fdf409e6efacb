"""Soft labels that are learned."""

import numpy as np
import tensorflow as tf
from support.learned_labels import FixedLookahead, set_up
from support.models import labels_of

from fsr_gdw_tf.methods import SoftLabel
from fsr_gdw_tf.methods.soft_label import nearest_probs


def test_the_nearest_probabilities():
    rows = tf.constant([[0.5, 0.5, 0.5], [2.0, 0.0, 0.0], [0.9, 0.3, -0.5]])
    expected = [[1 / 3] * 3, [1, 0, 0], [0.8, 0.2, 0]]
    np.testing.assert_allclose(nearest_probs(rows), expected, atol=1e-6)


def test_a_soft_label_steps_against_its_slope():
    """One example, rate 2: (.5 - .2, .5 + .2)."""
    method = SoftLabel(rate=2.0)
    model, batch = set_up(method), labels_of(2, 0)
    moved = method.update(model, batch, tf.zeros((1, 2)), FixedLookahead)
    np.testing.assert_allclose(moved, [[0.3, 0.7]], rtol=1e-6)
    np.testing.assert_allclose(
        method.label_table.rows(batch), [[0.3, 0.7]], rtol=1e-6
    )
