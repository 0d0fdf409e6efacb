"""A network's own preprocessor, as KerasHub's tasks have one."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from support.models import blobs

from fsr_gdw_tf import Classifier, Supervised, arrays
from fsr_gdw_tf.data.preprocessing import preprocess_source


def scaled(x):
    return {"values": tf.cast(x, tf.float32) / 10, "ones": tf.ones_like(x)}


@pytest.mark.parametrize("index", [[3], [4, 1]])
def test_inputs_of_a_source_pass_the_function_once(index):
    x = np.arange(12.0).reshape(6, 2)
    source = preprocess_source(arrays(x, np.arange(6) % 2), scaled)
    assert preprocess_source(source, scaled) is source
    np.testing.assert_allclose(source.load(index)["values"], x[index] / 10)
    fetched = source.fetch(tf.constant(index))["values"]
    np.testing.assert_allclose(fetched, x[index] / 10)


class Task(keras.Model):
    """A functional model with a preprocessor, as in KerasHub."""

    preprocessor = staticmethod(lambda x: tf.cast(x, tf.float32) / 10)


def test_fit_evaluate_and_predict_see_what_it_makes():
    """Plain training on inputs ten times as large, or on the same inputs."""
    x, y = blobs(n=12)
    keras.utils.set_random_seed(0)
    inputs = keras.Input((4,))
    task = Task(inputs, layers.Dense(3, "softmax")(inputs))
    model = Classifier.wrap(task, Supervised())
    model.compile("sgd", run_eagerly=True)
    datasets = tf.data.Dataset.from_tensor_slices((10 * x, y)).batch(4)
    model.fit(10 * x, y, validation_data=(10 * x, y), verbose=0)
    model.fit(datasets, verbose=0)
    expected = task(x)
    for data in (10 * x, datasets, datasets.map(lambda x, y: x)):
        found = model.predict(data, verbose=0)
        np.testing.assert_allclose(found, expected, rtol=1e-5)
    np.testing.assert_allclose(
        model.predict_on_batch(10 * x), expected, rtol=1e-5
    )
    losses = [
        model.evaluate(10 * x, y, verbose=0)[0],
        model.evaluate(datasets, verbose=0)[0],
    ]
    by_hand = -np.log(np.array(expected)[np.arange(12), y]).mean()
    np.testing.assert_allclose(losses, by_hand, rtol=1e-5)
