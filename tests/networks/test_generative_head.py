"""A mixture of linear classifiers on several layers."""

import keras
import numpy as np
import pytest
from scipy.special import softmax

from fsr_gdw_tf import Classifier, InvalidInput, networks
from fsr_gdw_tf.networks.generative_head import (
    generative_parts,
    layer_means,
    saved_parts,
)
from fsr_gdw_tf.networks.split import join, split

IMAGES = np.random.default_rng(0).uniform(0, 255, (5, 6, 6, 1)).astype("f")


def cnn():
    return networks.small_cnn((6, 6, 1), 3, widths=(2, 3))


def test_a_feature_map_becomes_its_mean():
    features, _ = cnn()
    model = layer_means(features, 2)
    relus = [x for x in features.layers if isinstance(x, keras.layers.ReLU)]
    maps = keras.Model(features.input, [x.output for x in relus])(IMAGES)
    for found, expected in zip(model(IMAGES), maps, strict=True):
        mean = np.mean(expected, axis=(1, 2))
        np.testing.assert_allclose(found, mean, rtol=1e-5)


def test_probabilities_are_the_weighted_mean_of_both_layers(tmp_path):
    """Also of the saved network, which is one of plain Keras."""
    model, rng = layer_means(cnn()[0], 2), np.random.default_rng(1)
    linear = [(rng.normal(size=(d, 3)), rng.normal(size=3)) for d in (2, 3)]
    weights = np.array([0.25, 0.75])
    classifier = Classifier(*generative_parts(model, linear, weights))
    expected = sum(
        w * softmax(np.array(x) @ kernel + bias, axis=1)
        for w, x, (kernel, bias) in zip(
            weights, model(IMAGES), linear, strict=True
        )
    )
    probs = classifier.predict_probs(IMAGES)
    np.testing.assert_allclose(probs, expected, atol=1e-5)
    classifier.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    found = softmax(loaded.predict(IMAGES, verbose=0), axis=1)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    again = Classifier(*saved_parts(loaded))
    np.testing.assert_allclose(again.predict_probs(IMAGES), probs, atol=1e-6)


def test_layers_of_a_saved_network_are_found(tmp_path):
    """There the features are a model inside of another one."""
    features, head = cnn()
    join(features, head).save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    inner = split(loaded)[0]
    for found, expected in zip(
        layer_means(inner, 2)(IMAGES),
        layer_means(features, 2)(IMAGES),
        strict=True,
    ):
        np.testing.assert_allclose(found, expected, atol=1e-6)


def test_layers_by_name_and_wrong_ones():
    features, head = cnn()
    dense = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    assert layer_means(dense, 3).outputs[0].shape == (None, 2)
    name = features.layers[-1].name
    found = layer_means(features, [name]).outputs
    assert [x.shape for x in found] == [(None, 3)]
    with pytest.raises(InvalidInput, match="has no layer 'relo'"):
        layer_means(features, ["relo"])
    with pytest.raises(InvalidInput, match="expected a Sequential or func"):
        layer_means(keras.layers.Flatten(), 1)
    with pytest.raises(InvalidInput, match="fit one with RoG"):
        saved_parts(join(features, head))
