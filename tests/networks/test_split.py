"""Splitting a model into features and head."""

import keras
import numpy as np
import pytest
from keras import layers
from support.keras_models import LABELS, Subclassed, graph, numbers

from fsr_gdw_tf import Classifier, InvalidInput, networks
from fsr_gdw_tf.networks.split import (
    batch_norm_layers,
    join,
    split,
    synchronize_batch_norms,
)


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


def relu_before_pooling(x):
    x = layers.Conv2D(3, 1, activation="relu")(x)
    return layers.Softmax()(layers.GlobalAveragePooling2D()(x))


def shared_head(x):
    head, other = layers.Dense(3), keras.Input((7,))
    keras.Model(other, head(layers.Dense(5)(other)))
    return head(layers.Dense(5)(x))


# What a model does to its inputs, and their shape.
ENDINGS = {
    "softmax of keras.ops": (
        lambda x: keras.ops.softmax(layers.Dense(3)(x)),
        (4,),
    ),
    "softmax in float32": (
        lambda x: layers.Activation("softmax", dtype="float32")(
            layers.Dense(3)(x)
        ),
        (4,),
    ),
    "pooled convolution": (relu_before_pooling, (4, 4, 2)),
    "convolution with a softmax, flattened": (
        lambda x: layers.Flatten()(
            layers.Conv2D(3, 4, activation="softmax")(x)
        ),
        (4, 4, 2),
    ),
    "mean of keras.ops": (
        lambda x: keras.ops.mean(layers.Conv2D(3, 1)(x), axis=(1, 2)),
        (4, 4, 2),
    ),
    "shared with a model that was built first": (shared_head, (4,)),
    "nested twice": (
        lambda x: layers.Softmax()(soft([soft_of_three()])(x)),
        (4,),
    ),
}


def soft_of_three() -> keras.Model:
    return keras.Sequential([keras.Input((5,)), layers.Dense(3)])


@pytest.mark.parametrize("name", ENDINGS)
def test_the_head_ends_before_the_softmax(name):
    build, shape = ENDINGS[name]
    model = graph(build, shape)
    features, head = split(model)
    x = np.random.default_rng(0).normal(size=(6, *shape)).astype("float32")
    outputs, logits = np.array(model(x)), head(features(x))
    softmax = keras.ops.softmax(logits)
    is_logits = not np.allclose(outputs.sum(1), 1)
    found = logits if is_logits else softmax
    np.testing.assert_allclose(found, outputs, rtol=1e-5, atol=1e-6)
    assert head.units == 3
    together = [*features.weights, *head.weights]
    assert {id(v) for v in together} == {id(v) for v in model.weights}


def test_a_subclassed_model_is_split_at_a_layer_that_is_named():
    model = Subclassed()
    x = np.random.default_rng(0).normal(size=(6, 4)).astype("float32")
    probs = model(x)
    for name in ("logits", "last"):  # of the layer, or the attribute
        features, head = split(model, name)
        assert features(x).shape == (6, 5)
        found = keras.ops.softmax(head(features(x)))
        np.testing.assert_allclose(found, probs, rtol=1e-5)
        assert join(features, head) is model
    assert "call" not in vars(model.last)


def test_a_layer_in_the_middle_of_a_model_is_told():
    model = graph(lambda x: layers.Dense(2)(layers.Dense(3, name="mid")(x)))
    wrapped = Classifier.wrap(model, "supervised", head="mid")
    wrapped.compile(run_eagerly=True)
    with pytest.raises(InvalidInput, match="not those of the layer 'mid'"):
        wrapped.fit(numbers(4), LABELS, verbose=0)


def two_outputs() -> keras.Model:
    a = keras.Input((2,))
    return keras.Model(a, [layers.Dense(3)(a), layers.Dense(3)(a)])


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (lambda: soft([layers.ReLU()]), "got ReLU .* as the last layer"),
        (
            lambda: soft([layers.BatchNormalization()]),
            "got BatchNormalization .* as the last layer",
        ),
        (lambda: soft([layers.Dense(4, "sigmoid")]), "multi-label"),
        (
            lambda: soft([layers.Dense(4), layers.Activation("sigmoid")]),
            "4 sigmoids .* classifier for each label",
        ),
        (
            lambda: soft([layers.Dense(3, "softmax"), layers.ReLU()]),
            "move the softmax to the end",
        ),
        (Subclassed, r"without symbolic inputs; pass .* head='...'"),
        (lambda: keras.Sequential([layers.Dense(3)]), "symbolic inputs"),
        (two_outputs, "one output, got 2 outputs .* model.outputs"),
        (
            lambda: graph(layers.Dense(3), (7, 4)),
            r"shape \(None, 7, 3\).* one per token",
        ),
        (lambda: "resnet", "got str"),
    ],
)
def test_split_says_why_it_cannot(model, message):
    with pytest.raises(InvalidInput, match=message) as raised:
        networks.split(model())
    assert "\n" not in str(raised.value)


def test_a_head_that_is_not_there_is_told():
    model = Subclassed()
    with pytest.raises(InvalidInput, match="has no weights yet; call it on"):
        split(model, "last")
    model(np.ones((2, 4), "float32"))
    with pytest.raises(InvalidInput, match="did you mean 'logits'"):
        split(model, "logit")


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
