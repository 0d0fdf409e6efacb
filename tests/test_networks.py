"""Networks have the papers' sizes, need nothing of ours, and split."""

import subprocess
import sys

import keras
import numpy as np
import pytest
from keras import layers

from fsr_gdw_tf import InvalidInput, networks
from fsr_gdw_tf.networks.split import batch_norms, synchronize


def parameters(parts) -> int:
    features, head = parts
    variables = [*features.trainable_variables, *head.trainable_variables]
    return sum(int(np.prod(v.shape)) for v in variables)


@pytest.mark.parametrize(("classes", "count"), [(10, 464154), (100, 470004)])
def test_resnet32_has_the_parameters_of_gdws(classes, count):
    features, head = networks.resnet32((32, 32, 3), classes)
    assert parameters((features, head)) == count
    tensors = len(features.trainable_variables) + len(head.trainable_variables)
    assert tensors == 95


def test_wide_resnet_28_10_counted_by_hand():
    def block(before, width):
        norms = 2 * before + 2 * width
        return norms + 9 * before * width + 9 * width * width

    groups = sum(
        block(before, width) + 3 * block(width, width)
        for before, width in ((16, 160), (160, 320), (320, 640))
    )
    expected = 9 * 3 * 16 + groups + 2 * 640 + 640 * 10 + 10
    assert parameters(networks.wide_resnet((32, 32, 3), 10)) == expected


@pytest.mark.parametrize(
    ("build", "count"),
    [
        # The ImageNet versions with 1,000 classes, as published.
        (networks.resnet18, 11_689_512),
        (networks.resnet50, 25_568_360),
    ],
)
def test_imagenet_resnets_have_the_published_sizes(build, count):
    assert parameters(build((224, 224, 3), 1000)) == count


def test_shortcuts_without_weights_skip_pixels_and_pad_channels():
    from fsr_gdw_tf.networks.parts import widen

    x = keras.Input((4, 4, 2))
    thin = keras.Model(x, widen(x, 4, 2))
    image = np.arange(32, dtype=np.float32).reshape(1, 4, 4, 2)
    out = thin(image).numpy()
    np.testing.assert_array_equal(out[..., 1:3], image[:, ::2, ::2])
    np.testing.assert_array_equal(out[..., [0, 3]], 0)


def test_strided_convolutions_pad_alike_on_both_sides():
    from fsr_gdw_tf.networks.parts import conv

    x = keras.Input((4, 4, 1))
    model = keras.Model(x, conv(x, 1, 3, 2, "ones"))
    out = model(np.ones((1, 4, 4, 1), np.float32)).numpy()[0, ..., 0]
    np.testing.assert_array_equal(out, [[4, 6], [6, 9]])


@pytest.mark.parametrize(
    ("build", "shape"),
    [
        (networks.small_cnn, (8, 8, 1)),
        (networks.mlp, (5,)),
        (lambda s, c: networks.cifar_resnet(s, c, 8), (8, 8, 3)),
        (lambda s, c: networks.wide_resnet(s, c, 10, 1), (8, 8, 3)),
    ],
)
def test_saved_networks_load_without_this_package(tmp_path, build, shape):
    features, head = build(shape, 3)
    network = keras.Model(features.inputs[0], head(features.outputs[0]))
    x = np.random.default_rng(0).uniform(0, 255, (2, *shape))
    np.save(tmp_path / "x.npy", x.astype(np.float32))
    network.save(tmp_path / "model.keras")
    code = (
        "import sys, keras, numpy as np\n"
        f"m = keras.models.load_model(r'{tmp_path}/model.keras')\n"
        f"np.save(r'{tmp_path}/y.npy', m(np.load(r'{tmp_path}/x.npy')))\n"
        "assert 'fsr_gdw_tf' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path)
    expected = network(np.load(tmp_path / "x.npy"))
    np.testing.assert_allclose(np.load(tmp_path / "y.npy"), expected, 1e-5)


def test_networks_take_bytes():
    features, head = networks.small_cnn((8, 8, 1), 3)
    bytes_in = np.full((1, 8, 8, 1), 255, np.uint8)
    np.testing.assert_array_equal(
        head(features(bytes_in)), head(features(bytes_in.astype(np.float32)))
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


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: networks.cifar_resnet((32, 32, 3), 10, 33), "got 33"),
        (lambda: networks.wide_resnet((32, 32, 3), 10, 27), "got 27"),
        (
            lambda: networks.resnet18((32, 32, 3), 10, "none.weights.h5"),
            "no such weights file: 'none.weights.h5'.*nothing is downloaded",
        ),
    ],
)
def test_networks_that_do_not_exist(call, message):
    with pytest.raises(InvalidInput, match=message):
        call()


def test_pretrained_weights_come_from_a_local_file(tmp_path):
    path = str(tmp_path / "body.weights.h5")
    donor, _ = networks.resnet18((32, 32, 3), 4)
    donor.save_weights(path)
    keras.utils.set_random_seed(9)
    features, _ = networks.resnet18((32, 32, 3), 10, path)
    for a, b in zip(donor.weights, features.weights, strict=True):
        np.testing.assert_array_equal(a, b)
    other = str(tmp_path / "other.weights.h5")
    networks.small_cnn((8, 8, 1), 3)[0].save_weights(other)
    with pytest.raises(InvalidInput, match="does not fit the network"):
        networks.resnet18((32, 32, 3), 10, other)


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
    synchronize(network)
    found = batch_norms(network)
    assert len(found) == 2 and all(layer.synchronized for layer in found)
