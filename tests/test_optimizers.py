"""Optimizers and learning rate schedules."""

import math

import keras
import numpy as np
import pytest

from fsr_gdw_tf.optimizers import (
    SGD,
    Adam,
    EpochSchedule,
    WarmUp,
    add_l2,
    clone_optimizer,
)


@pytest.mark.parametrize(
    ("nesterov", "expected"),
    [
        # m: 1, 1.9, 2.71 with rates .1, .1, .01
        (False, 1 - 0.1 * 1 - 0.1 * 1.9 - 0.01 * 2.71),
        # step: g + .9 m = 1.9, 2.71, 3.439
        (True, 1 - 0.1 * 1.9 - 0.1 * 2.71 - 0.01 * 3.439),
    ],
)
def test_three_steps_by_hand_with_a_change_of_rate(nesterov, expected):
    """Keras' own SGD would still move by the old rate in step three."""
    v = keras.Variable([1.0])
    optimizer = SGD(0.1, momentum=0.9, nesterov=nesterov)
    for rate in (0.1, 0.1, 0.01):
        optimizer.learning_rate = rate
        optimizer.apply([keras.ops.ones(1)], [v])
    np.testing.assert_allclose(v.numpy(), [expected], rtol=1e-6)


def test_cosine_per_epoch_is_gdws():
    """lr_e = .1 (1 + cos(pi e / 80)) / 2, constant within an epoch."""
    decay = keras.optimizers.schedules.CosineDecay(0.1, 80)
    rate = EpochSchedule(decay, steps_per_epoch=490)
    for epoch in (0, 1, 40, 79):
        expected = 0.1 * (1 + math.cos(math.pi * epoch / 80)) / 2
        for step in (epoch * 490, epoch * 490 + 489):
            assert float(rate(step)) == pytest.approx(expected, rel=1e-4)


def test_restarts_within_an_epoch():
    """FSR's: cycles of 1, 2, 4, ... epochs, peaks of .1 * .9^i."""
    decay = keras.optimizers.schedules.CosineDecayRestarts(0.1, 1, 2.0, 0.9)
    rate = EpochSchedule(decay, 100, staircase=False)
    assert float(rate(50)) == pytest.approx(0.05, rel=1e-4)
    assert float(rate(100)) == pytest.approx(0.09, rel=1e-4)
    assert float(rate(300)) == pytest.approx(0.081, rel=1e-4)
    assert float(rate(200)) == pytest.approx(0.045, rel=1e-4)


def test_a_warm_up_rises_in_a_line_and_delays_the_rest():
    """Three epochs to .1, then cycles of 1 and 2 epochs."""
    decay = keras.optimizers.schedules.CosineDecayRestarts(0.1, 1, 2.0, 0.9)
    rate = EpochSchedule(WarmUp(decay, 3), 100, staircase=False)
    expected = {0: 0, 75: 0.025, 150: 0.05, 300: 0.1, 350: 0.05, 400: 0.09}
    for step, value in expected.items():
        assert float(rate(step)) == pytest.approx(value, rel=1e-4), step


def test_adam_by_hand_with_epsilon_after_the_correction():
    """g = 1e-8 twice: m^ = g, sqrt(v^) = g, so each step is rate / 2."""
    v = keras.Variable([1.0], dtype="float64")
    optimizer = Adam(0.1)
    for _ in range(2):
        optimizer.apply([keras.ops.full((1,), 1e-8, "float64")], [v])
    np.testing.assert_allclose(v.numpy(), [0.9], rtol=1e-8)


def test_adam_forgets_a_large_gradient_slowly():
    """g = 3, then 0: the second step is rate (.27 / .19) / sqrt(...)."""
    v = keras.Variable([0.0], dtype="float64")
    optimizer = Adam(0.1)
    for g in (3.0, 0.0):
        optimizer.apply([keras.ops.full((1,), g, "float64")], [v])
    m_hat, v_hat = 0.27 / (1 - 0.9**2), 0.008991 / (1 - 0.999**2)
    expected = -0.1 - 0.1 * m_hat / (math.sqrt(v_hat) + 1e-8)
    np.testing.assert_allclose(v.numpy(), [expected], rtol=1e-7)


def test_l2_is_added_to_what_the_optimizer_sees():
    v = keras.Variable([2.0, -4.0])
    (g,) = add_l2([keras.ops.ones(2)], [v], 0.5)
    np.testing.assert_allclose(g, [2.0, -1.0])
    assert add_l2([None], [v], 0.5) == [None]


def test_a_cloned_optimizer_follows_the_rate():
    first = keras.optimizers.SGD(0.1, momentum=0.9)
    other = clone_optimizer(first)
    first.learning_rate = 0.01
    assert float(other.learning_rate) == pytest.approx(0.01)
    assert other is not first and other.momentum == 0.9
