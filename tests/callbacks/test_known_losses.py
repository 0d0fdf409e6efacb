"""The losses of examples whose labels are known."""

import numpy as np
from support.models import classifier, mislabelled

from fsr_gdw_tf import InputPipeline
from fsr_gdw_tf.callbacks.known_losses import SaveKnownLosses, read_losses


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
