"""How outputs change along a direction of the weights."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from fsr_gdw_tf.lookahead.finite_difference import (
    displacement,
    output_change,
    random_states,
)


def change(model, inputs, direction, **kwargs) -> np.ndarray:
    """Return the change of a model's outputs along a direction."""
    states = random_states(model)
    outputs = model(inputs, training=True)
    weights = [(v, v.value) for v in model.trainable_variables]
    return output_change(
        lambda: model(inputs, training=True),
        outputs,
        weights,
        direction,
        states,
        distance=displacement("float32"),
        **kwargs,
    ).numpy()


@pytest.mark.parametrize("central", [False, True])
def test_a_linear_network_changes_by_the_direction(central):
    """x (W + v) - x W = x v, whatever W is."""
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)])
    inputs = tf.constant([[1.0, 2.0], [3.0, -1.0]])
    direction = [tf.constant([[1.0, 0.0], [2.0, -1.0]]), tf.zeros(2)]
    np.testing.assert_allclose(
        change(model, inputs, direction, central=central),
        [[5.0, -2.0], [1.0, 1.0]],
        rtol=1e-2,
    )


def test_dropout_draws_the_masks_of_the_first_pass_and_goes_on():
    """With other masks the difference would be thousands of times larger."""
    model = keras.Sequential(
        [
            keras.Input((50,)),
            keras.layers.Dropout(0.5, seed=1),
            keras.layers.Dense(1, use_bias=False),
        ]
    )
    inputs = tf.ones((4, 50))
    (state, before), *_ = random_states(model)
    direction = [tf.ones((50, 1))]
    along = change(model, inputs, direction)
    # Each input that is kept counts twice.
    kept = along[:, 0] / 2
    np.testing.assert_allclose(kept, np.round(kept), atol=0.1)
    assert 10 < kept.min() <= kept.max() < 40
    assert not np.array_equal(state.numpy(), before.numpy())


def test_moving_statistics_do_not_see_the_other_passes():
    model = keras.Sequential(
        [
            keras.Input((3,)),
            keras.layers.BatchNormalization(),
            keras.layers.Dense(2),
        ]
    )
    inputs = tf.constant(
        np.random.default_rng(0).normal(size=(8, 3)), "float32"
    )
    model(inputs, training=True)
    once = [v.numpy() for v in model.non_trainable_variables]
    for v in model.non_trainable_variables:
        v.assign(keras.ops.ones_like(v) if "variance" in v.name else v * 0)
    direction = [tf.ones(v.shape) for v in model.trainable_variables]
    change(model, inputs, direction, central=True)
    for value, v in zip(once, model.non_trainable_variables, strict=True):
        np.testing.assert_allclose(value, v.numpy(), rtol=1e-6)


def test_no_direction_is_no_change():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)])
    direction = [tf.zeros((2, 2)), tf.zeros(2)]
    assert not change(model, tf.ones((3, 2)), direction).any()


@pytest.mark.parametrize(
    ("dtype", "distance"), [("float32", 3.453e-4), ("bfloat16", 0.08839)]
)
def test_the_distance_is_the_root_of_the_precision(dtype, distance):
    """2 ** -23 and 2 ** -7."""
    assert displacement(dtype) == pytest.approx(distance, rel=1e-3)
