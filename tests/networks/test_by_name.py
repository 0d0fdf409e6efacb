"""Networks by name: own ones, those of Keras, and weights in files."""

import keras
import numpy as np
import pytest

from fsr_gdw_tf import InvalidInput, networks

SHAPE = (32, 32, 3)


@pytest.mark.parametrize("name", ["photo_cnn", "MobileNet", "MobileNetV3Small"])
def test_a_network_by_its_name_takes_pixels_as_its_own_preprocessing(name):
    """Keras' preprocess_input, on the same weights, gives the same features."""
    features, head = networks.image_network(SHAPE, 4, name)
    x = np.random.default_rng(0).integers(0, 256, (2, *SHAPE)).astype("float32")
    found = features(x)
    assert head(found).shape == (2, 4)
    if name == "photo_cnn":
        return
    body = next(x for x in features.layers if isinstance(x, keras.Model))
    module = {
        "MobileNet": keras.applications.mobilenet,
        "MobileNetV3Small": keras.applications.mobilenet_v3,
    }[name]
    expected = body(module.preprocess_input(x.copy())).numpy().mean((1, 2))
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_weights_of_a_file_are_loaded_and_frozen(tmp_path):
    body = keras.applications.MobileNet(
        include_top=False, weights=None, input_shape=SHAPE
    )
    file = str(tmp_path / "a.weights.h5")
    body.save_weights(file)
    features, head = networks.image_network(
        SHAPE, 2, "MobileNet", weights=file, frozen=True
    )
    inner = next(x for x in features.layers if isinstance(x, keras.Model))
    for one, other in zip(inner.weights, body.weights, strict=True):
        np.testing.assert_array_equal(one, other)
    assert not features.trainable_variables and head.trainable_variables


@pytest.mark.parametrize(
    ("name", "weights", "message"),
    [
        ("resnet19", None, "no network 'resnet19': did you mean 'resnet18'"),
        ("VGG16", None, "no network 'VGG16'"),
        ("preprocess_input", None, "no network 'preprocess_input'"),
        ("photo_cnn", "a.h5", "no weights 'a.h5' for the network 'photo_cnn'"),
        ("resnet18", "imagenet", "no weights 'imagenet' for the network"),
        ("resnet18", "none.weights.h5", "no such weights file"),
        ("MobileNet", "none.weights.h5", "no such weights file"),
        ("Xception", None, "Xception cannot be built for images of 32x32x3"),
    ],
)
def test_what_cannot_be_built_is_told(name, weights, message):
    with pytest.raises(InvalidInput, match=message):
        networks.image_network(SHAPE, 2, name, weights)


def test_frozen_without_weights_is_refused():
    with pytest.raises(InvalidInput, match="FROZEN=True needs WEIGHTS"):
        networks.image_network(SHAPE, 2, frozen=True)
