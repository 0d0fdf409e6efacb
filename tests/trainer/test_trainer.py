"""Fit, evaluate and predict: order, seeds and wrong arguments."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from support.models import blob_source, blobs, classifier, weights

from fsr_gdw_tf import InputPipeline, InvalidInput, Supervised


def test_predictions_come_in_order_and_as_many_as_asked_for():
    x, _ = blobs(n=33)
    model = classifier()
    expected = tf.nn.softmax(model(x))
    for how in ({}, {"batch_size": 8}, {"batch_size": 8, "steps": None}):
        found = model.predict(x, verbose=0, **how)
        np.testing.assert_allclose(found, expected, rtol=1e-5)
    some = model.predict(blob_source(n=33), batch_size=8, steps=2, verbose=0)
    np.testing.assert_allclose(some, expected[:16], rtol=1e-5)


def test_validation_is_logged_and_predictions_are_probabilities():
    x, y = blobs()
    model = classifier()
    logs = model.fit(x, y, validation_data=(x, y), verbose=0).history
    assert {"val_accuracy", "val_balanced_accuracy", "val_loss"} <= set(logs)
    probs = model.predict(x, verbose=0)
    np.testing.assert_allclose(probs.sum(1), 1, rtol=1e-5)
    share = model.fit(x, y, validation_split=0.5, verbose=0).history
    assert "val_accuracy" in share


def test_the_same_seed_gives_the_same_bits():
    def run(seed):
        keras.utils.set_random_seed(0)
        model = classifier()
        model.fit(*blobs(), epochs=3, verbose=0, seed=seed)
        return weights(model)

    one, same, other = run(0), run(0), run(1)
    for a, b in zip(one, same, strict=True):
        np.testing.assert_array_equal(a, b)
    assert any((a != b).any() for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda m: m.fit(np.zeros((6, 5)), [0, 1, 2] * 2),
            r"shape \(4,\), the d",
        ),
        (lambda m: m.fit(*blobs(classes=4)), "0 to 2"),
        (
            lambda m: m.fit(*blobs(), sample_weight=np.ones(59)),
            r"for each of 60 examples, got the shape \(59,\)",
        ),
        (
            lambda m: m.fit(*blobs(), sample_weight=-np.ones(60)),
            "with negative ones",
        ),
        (lambda m: m.fit(*blobs(), class_weight={3: 1.0}), "classes 0 to 2"),
        (lambda m: m.fit(blobs()[0]), "expected arrays x and y"),
        (lambda m: m.fit(np.zeros((0, 4)), []), "got no examples"),
        (lambda m: m.fit(np.zeros((3, 4)), [0, 1]), "3 inputs but 2 labels"),
        (
            lambda m: m.fit(*blobs(), validation_split=1.5),
            r"share in \(0, 1\) of arrays x and y, got 1.5",
        ),
        (
            lambda m: m.fit(*blobs(n=9), pipeline=InputPipeline(10)),
            "must be in 1 to 9",
        ),
        (lambda m: m.compile(loss="mse"), "compile.. takes no loss"),
        (lambda m: Supervised(smoothing=1.5), r"in \[0, 1\), got 1.5"),
    ],
)
def test_wrong_calls_are_answered(call, message):
    with pytest.raises(InvalidInput, match=message):
        call(classifier())
