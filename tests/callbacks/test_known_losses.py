"""The losses of examples whose labels are known."""

import keras
import numpy as np
from support.models import classifier, mislabelled

from fsr_gdw_tf import Classifier, InputPipeline, arrays
from fsr_gdw_tf.callbacks.known_losses import (
    SaveKnownLosses,
    read_losses,
    training_losses,
)


def test_losses_of_an_epoch_replace_those_of_later_ones(tmp_path):
    """-log of the probability of the given label, a row for each epoch."""
    model, known = classifier(), mislabelled(n=10)
    callback = SaveKnownLosses(tmp_path / "losses.npz", known, InputPipeline(4))
    model.fit(mislabelled(n=30), epochs=3, verbose=0, callbacks=[callback])
    found = read_losses(tmp_path / "losses.npz")
    probs = model.predict_probs(known)
    expected = -np.log(probs[np.arange(10), known.labels])
    assert found.loss.shape == (3, 10)
    np.testing.assert_allclose(found.loss[2], expected, rtol=1e-4)
    np.testing.assert_array_equal(
        found.right, known.labels == known.true_labels
    )
    callback.on_epoch_end(1)  # resumed after the first epoch
    again = read_losses(tmp_path / "losses.npz").loss
    assert again.shape == (2, 10)
    np.testing.assert_array_equal(again[0], found.loss[0])
    np.testing.assert_allclose(again[1], expected, rtol=1e-4)


def test_losses_are_those_of_training_and_leave_no_trace():
    """Inputs 0, 2, 4 in one batch: mean 2, variance 8/3, whatever moved."""
    inputs = np.array([[0.0], [2.0], [4.0]], np.float32)
    norm = keras.layers.BatchNormalization(epsilon=0.0)
    features = keras.Sequential([keras.Input((1,)), norm])
    head = keras.layers.Dense(2)
    head.build((None, 1))
    model = Classifier(features, head)
    head.kernel.assign([[0.0, 1.0]])  # the second logit is the normalised input
    before = [v.numpy() for v in model.variables]
    known = arrays(inputs, np.array([0, 1, 1]))
    found = training_losses(model, known, InputPipeline(2, view=None))
    # A second batch of one example would be normalised to 0.
    z = np.array([-1.0, 0.0, 1.0]) * 1.5**0.5
    expected = np.log1p(np.exp(z * [1, -1, -1]))
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    for old, new in zip(before, model.variables, strict=True):
        np.testing.assert_array_equal(old, new.numpy())
