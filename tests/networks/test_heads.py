"""Heads: logits of a last layer that gives probabilities."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from fsr_gdw_tf import InvalidInput
from fsr_gdw_tf.networks.heads import Head, as_head


def built(layer, shape=(None, 4)):
    layer.build(shape)
    return layer


def test_one_sigmoid_is_two_classes_with_the_logits_zero_and_z():
    layer = built(layers.Dense(1, "sigmoid"))
    head = as_head(layer)
    x = np.random.default_rng(0).normal(size=(5, 4)).astype("float32")
    logits = head(x)
    assert head.units == 2 and head.outputs == 1
    np.testing.assert_allclose(head(x), x @ head.kernel, atol=1e-6)
    np.testing.assert_array_equal(logits[:, 0], 0)
    sigmoid = keras.ops.softmax(logits)[:, 1:]
    np.testing.assert_allclose(sigmoid, layer(x), rtol=1e-5)


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_a_convolution_without_its_softmax(data_format):
    shape = (2, 5, 3) if data_format == "channels_last" else (2, 3, 5)
    conv = layers.Conv1D(
        4, 1, bias_initializer="normal", data_format=data_format
    )
    head = Head(built(conv, shape))
    x = np.random.default_rng(0).normal(size=shape).astype("float32")
    try:
        expected = conv(x)
    except tf.errors.UnimplementedError as error:
        pytest.skip(f"TensorFlow cannot compute it here: {error}")
    np.testing.assert_allclose(head(x), expected, rtol=1e-6)


def test_logits_of_half_precision_are_float32():
    head = as_head(built(layers.Dense(3, dtype="mixed_bfloat16")))
    assert head(np.ones((2, 4), "float32")).dtype == "float32"


def test_a_dense_layer_that_gives_logits_is_its_own_head():
    layer = built(layers.Dense(3))
    assert as_head(layer) is layer


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (layers.Dense(3), "has no weights yet"),
        (built(layers.Dense(3, "sigmoid")), "labels .* .multi-label"),
        (built(layers.Dense(3, "tanh")), "got the activation 'tanh'"),
        (built(layers.Dense(1, "softmax")), "softmax over 1 unit"),
        (layers.Flatten(), "needs the attribute `units`"),
        ("dense", "such as Dense, got str"),
    ],
)
def test_what_is_no_head_is_told(layer, message):
    with pytest.raises(InvalidInput, match=message):
        as_head(layer)
