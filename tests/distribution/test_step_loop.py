"""Several steps in one call."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from support.models import blobs, classifier


def fit(steps_per_execution, data):
    keras.utils.set_random_seed(0)
    several = {"steps_per_execution": steps_per_execution}
    model = classifier(compiled=several)
    history = model.fit(
        data, epochs=2, validation_data=blobs(n=33, seed=1), verbose=0
    ).history
    return model, history


@pytest.fixture(scope="module")
def data() -> tf.data.Dataset:
    """Return five batches."""
    return tf.data.Dataset.from_tensor_slices(blobs(n=60)).batch(12)


@pytest.fixture(scope="module")
def expected(data) -> dict[str, list[float]]:
    """Return the history of one step per call."""
    model, history = fit(1, data)
    assert model.optimizer.iterations == 10
    return history


@pytest.mark.parametrize("several", [1, 2, 3, 10])
@pytest.mark.parametrize("known", [True, False], ids=["known", "unknown"])
def test_several_steps_in_one_call_are_the_same_steps(
    several, known, data, expected
):
    """Five batches an epoch, whether or not their number can be told."""
    model, history = fit(
        several, data if known else data.filter(lambda *_: True)
    )
    assert model.optimizer.iterations == 10
    for name in expected:
        np.testing.assert_allclose(history[name], expected[name], rtol=1e-6)
    tested = model.evaluate(*blobs(n=33, seed=1), verbose=0, return_dict=True)
    for name, value in tested.items():
        np.testing.assert_allclose(history[f"val_{name}"][-1], value, rtol=1e-6)
