"""Several steps in one call."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from support.models import blobs, classifier


@pytest.mark.parametrize("several", [1, 2, 3, 10])
@pytest.mark.parametrize("known", [True, False], ids=["known", "unknown"])
def test_several_steps_in_one_call_are_the_same_steps(several, known):
    """Five batches an epoch, whether or not their number can be told."""
    x, y = blobs(n=60)
    data = tf.data.Dataset.from_tensor_slices((x, y)).batch(12)
    data = data if known else data.filter(lambda *_: True)

    def fit(times, x):
        keras.utils.set_random_seed(0)
        model = classifier(compiled={"steps_per_execution": times})
        history = model.fit(
            x, epochs=2, validation_data=blobs(n=33, seed=1), verbose=0
        ).history
        return model, history

    (one, expected), (model, history) = fit(1, data.take(5)), fit(several, data)
    assert model.optimizer.iterations == one.optimizer.iterations == 10
    for name in expected:
        np.testing.assert_allclose(history[name], expected[name], rtol=1e-6)
    tested = model.evaluate(*blobs(n=33, seed=1), verbose=0, return_dict=True)
    for name, value in tested.items():
        np.testing.assert_allclose(history[f"val_{name}"][-1], value, rtol=1e-6)
