"""Files of a classifier: its network, and nothing of its training."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from support.keras_models import Subclassed
from support.models import blobs

from fsr_gdw_tf import FSR, Classifier, InvalidInput, MixUp

X, Y = blobs(n=12)


def network() -> keras.Model:
    return keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(3, "softmax")]
    )


@pytest.fixture(scope="module")
def trained() -> Classifier:
    """A classifier whose method has state for each example."""
    built = Classifier.wrap(network(), FSR(), regularisers=[MixUp()], ema=0.9)
    built.compile("sgd", run_eagerly=True)
    built.fit(X, Y, verbose=0)
    return built


def test_a_saved_classifier_is_loaded_as_its_network(trained, tmp_path):
    path = tmp_path / "model.keras"
    trained.save(path)
    loaded = keras.models.load_model(path)
    expected = trained.predict(X, verbose=0)
    np.testing.assert_allclose(loaded(X), expected, rtol=1e-5)
    with pytest.raises(InvalidInput, match="exists and overwrite=False"):
        trained.save(path, overwrite=False)


def test_weights_are_loaded_into_a_new_classifier(trained, tmp_path):
    path = tmp_path / "network.weights.h5"
    trained.save_weights(path)
    for new in (
        Classifier.wrap(network(), ema=0.5),
        Classifier.wrap(network(), FSR()),
    ):
        new.load_weights(path)
        new.compile(run_eagerly=True)
        found = new.predict(X, verbose=0)
        expected = trained.predict(X, verbose=0)
        np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_an_exported_network_serves(trained, tmp_path):
    trained.export(tmp_path / "exported", verbose=False)
    loaded = tf.saved_model.load(tmp_path / "exported")
    served = loaded.serve(X)
    expected = trained.predict(X, verbose=0)
    np.testing.assert_allclose(served, expected, rtol=1e-5)


def test_no_empty_file_is_left_where_saving_fails(tmp_path):
    model = Subclassed()
    model(X)
    model.get_config = lambda: 1 / 0
    built = Classifier.wrap(model, "supervised", head="logits")
    with pytest.raises(ZeroDivisionError):
        built.save(tmp_path / "model.keras")
    assert list(tmp_path.iterdir()) == []


def test_parts_that_have_no_graph_are_saved_together(tmp_path):
    body = keras.layers.Dense(5, "tanh")
    head = keras.layers.Dense(3)
    head(body(X))
    built = Classifier(body, head, "supervised")
    built.compile("sgd", run_eagerly=True)
    built.fit(X, Y, verbose=0)
    built.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(
        loaded.predict(X, verbose=0), head(body(X)), atol=1e-6
    )


def test_the_summary_names_the_method(trained):
    lines = []
    trained.summary(print_fn=lambda text, **_: lines.append(text))
    text = "\n".join(lines)
    assert "trained by FSR with MixUp" in text and "dense" in text


def test_a_classifier_is_not_cloned(trained):
    with pytest.raises(InvalidInput, match="clone its network") as raised:
        keras.models.clone_model(trained)
    assert "\n" not in str(raised.value)
