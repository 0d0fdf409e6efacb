"""Splitting a model into features and head."""

import keras
import numpy as np
import pytest
from keras import layers

from fsr_gdw_tf import InvalidInput, networks
from fsr_gdw_tf.networks.split import batch_norm_layers, synchronize_batch_norms


def soft(last) -> keras.Model:
    return keras.Sequential([keras.Input((4,)), layers.Dense(5), *last])


@pytest.mark.parametrize(
    "last",
    [
        [layers.Dense(3)],
        [layers.Dense(3, activation="softmax")],
        [layers.Dense(3), layers.Softmax()],
        [layers.Dense(3, use_bias=False), layers.Activation("softmax")],
    ],
)
def test_split_gives_logits_on_the_same_weights(last):
    model = soft(last)
    features, head = networks.split(model)
    x = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)
    logits = head(features(x)).numpy()
    dense = next(m for m in reversed(model.layers) if hasattr(m, "kernel"))
    expected = model.layers[0](x) @ dense.kernel
    np.testing.assert_allclose(logits, expected, rtol=1e-5)
    if len(last) == 2 or last[0].activation is not keras.activations.linear:
        probs = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
        np.testing.assert_allclose(model(x), probs, rtol=1e-5)
    assert head.kernel is dense.kernel


def test_a_model_of_one_layer_splits_into_nothing_and_a_head():
    model = keras.Sequential([keras.Input((4,)), layers.Dense(3)])
    features, head = networks.split(model)
    x = np.ones((2, 4), np.float32)
    np.testing.assert_array_equal(features(x), x)
    assert head.units == 3


class Subclassed(keras.Model):
    def call(self, x):
        return x


def two_inputs() -> keras.Model:
    a, b = keras.Input((2,)), keras.Input((2,))
    return keras.Model([a, b], layers.Dense(3)(layers.Add()([a, b])))


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (soft([layers.ReLU()]), "got ReLU .* as the last layer"),
        (soft([layers.Dense(1, activation="sigmoid")]), "'sigmoid'; two class"),
        (soft([layers.Dense(1)]), "one unit per class .* got 1"),
        (Subclassed(), "got Subclassed .* without symbolic inputs"),
        (keras.Sequential([layers.Dense(3)]), "without symbolic inputs"),
        (two_inputs(), "one input and one output, got 2 inputs"),
        ("resnet", "got str"),
    ],
)
def test_split_says_why_it_cannot(model, message):
    with pytest.raises(InvalidInput, match=message):
        networks.split(model)


class Block(keras.layers.Layer):
    """A user's own layer with a normalisation inside."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.norm = keras.layers.BatchNormalization()

    def call(self, x, training=None):
        return self.norm(x, training=training)


def test_normalisation_is_synchronised_wherever_it_is():
    """In nested models and in layers of the user's own."""
    inner = keras.Sequential(
        [keras.Input((4,)), keras.layers.BatchNormalization()]
    )
    inputs = keras.Input((4,))
    network = keras.Model(inputs, Block()(inner(inputs)))
    synchronize_batch_norms(network)
    found = batch_norm_layers(network)
    assert len(found) == 2 and all(layer.synchronized for layer in found)
