"""Means of predictions and weights of each example."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from support.models import blobs, classifier

from fsr_gdw_tf import FineTune, InvalidInput, arrays
from fsr_gdw_tf.method import Method
from fsr_gdw_tf.recorders.training_dynamics import TrainingDynamics


class Says(keras.callbacks.Callback):
    """Lets the network say these probabilities in these epochs."""

    def __init__(self, *epochs):
        super().__init__()
        self.epochs = epochs

    def on_epoch_begin(self, epoch, logs=None):
        kernel, bias = self.model.head.kernel, self.model.head.bias
        kernel.assign(np.zeros(kernel.shape))
        bias.assign(np.log(self.epochs[epoch]))


class Weighs(Method):
    """A weight for each class, the same for all examples; none in epoch 0."""

    def compute_omega(self, classifier, batch, forward):
        omega = tf.where(classifier.epoch.value == 0, 0.0, [0.5, 2.0, 4.0])
        return tf.zeros_like(forward.logits) + omega


def told(epochs, labels, track_labels=None, method=None, **kwargs) -> dict:
    """The columns after an untrained network has said this."""
    x = np.zeros((len(labels), 4), np.float32)
    built = classifier(
        method, track_labels=track_labels or TrainingDynamics(warmup=0)
    )
    built.compile(keras.optimizers.SGD(0.0))
    built.fit(
        x,
        np.array(labels),
        epochs=len(epochs),
        batch_size=len(labels),
        callbacks=[Says(*epochs)],
        verbose=0,
        **kwargs,
    )
    columns = {}
    for part in built.recorders:
        columns |= part.example_columns(built, built.training_dynamics.source)
    return columns


SURE, TORN, OFF = [0.7, 0.2, 0.1], [0.1, 0.6, 0.3], [0.2, 0.3, 0.5]


def test_means_are_those_of_what_was_predicted():
    found = told([SURE, TORN], [0, 1])
    np.testing.assert_allclose(found["probability"], [0.4, 0.4], rtol=1e-5)
    loss = [-np.log(0.07) / 2, -np.log(0.12) / 2]
    np.testing.assert_allclose(found["loss"], loss, rtol=1e-5)
    np.testing.assert_allclose(found["disagreement"], [0.5, 0.5])
    np.testing.assert_array_equal(found["visits"], [2, 2])
    np.testing.assert_array_equal(np.sort(found["top"][0]), [0, 1, 2])
    np.testing.assert_allclose(
        found["top_probs"][0], [0.4, 0.4, 0.2], rtol=1e-5
    )
    assert found["top"][0][2] == 2


def test_the_warm_up_does_not_count_but_the_last_epoch_always_does():
    found = told([SURE, TORN, OFF], [0, 1], TrainingDynamics(warmup=1))
    np.testing.assert_allclose(found["probability"], [0.15, 0.45], rtol=1e-5)
    found = told([SURE, TORN], [0, 1], TrainingDynamics(warmup=9))
    np.testing.assert_array_equal(found["visits"], [1, 1])
    np.testing.assert_allclose(found["probability"], [0.1, 0.6], rtol=1e-5)


def test_of_many_classes_the_best_are_kept():
    """(.7, .2, -) and (.1, .6, .3) with two places: .4 and .4 of the first."""
    found = told([SURE, TORN], [2, 2], TrainingDynamics(top=2, warmup=0))
    np.testing.assert_array_equal(np.sort(found["top"]), [[0, 1]] * 2)
    np.testing.assert_allclose(found["top_probs"], [[0.4, 0.4]] * 2, rtol=1e-5)
    # The given label is kept exactly, whether it is among the best or not.
    np.testing.assert_allclose(found["probability"], [0.2, 0.2], rtol=1e-5)


def test_forgetting_is_losing_what_was_right():
    found = told([SURE, TORN, SURE, OFF], [0, 2])
    np.testing.assert_array_equal(found["forgotten"], [2, 0])


def test_weights_are_those_of_the_given_class_after_the_methods_warm_up():
    found = told([SURE, SURE, SURE], [0, 1, 2], method=Weighs())
    np.testing.assert_allclose(
        found["weight"], [1 / 3, 4 / 3, 8 / 3], rtol=1e-5
    )
    np.testing.assert_allclose(found["zero_weight"], [1 / 3] * 3, rtol=1e-5)
    later = Weighs()
    later.warmup = 1
    found = told([SURE, SURE, SURE], [0, 1, 2], method=later)
    np.testing.assert_allclose(found["weight"], [0.5, 2.0, 4.0], rtol=1e-5)
    np.testing.assert_array_equal(found["weighed"], [2, 2, 2])
    np.testing.assert_array_equal(found["visits"], [3, 3, 3])


def test_plain_training_has_no_weights():
    found = told([SURE], [0, 1])
    assert "weight" not in found and "zero_weight" not in found


def test_fine_tuning_on_other_images_is_not_entered():
    clean = np.ones((3, 4), np.float32), np.array([0, 1, 2])
    method = FineTune(1)
    found = told([SURE, TORN], [0, 1, 2], method=method, meta=clean)
    np.testing.assert_array_equal(found["visits"], [1, 1, 1])
    np.testing.assert_allclose(found["probability"], SURE, rtol=1e-5)


def test_other_data_start_anew():
    built = classifier(track_labels=TrainingDynamics(warmup=0))
    built.fit(*blobs(n=60), batch_size=20, epochs=2, verbose=0)
    built.fit(*blobs(n=60), batch_size=20, epochs=1, verbose=0)
    visits = built.training_dynamics.example_columns(built, None)["visits"]
    np.testing.assert_array_equal(visits, np.full(60, 3))
    built.fit(*blobs(n=40), batch_size=20, epochs=1, verbose=0)
    visits = built.training_dynamics.example_columns(built, None)["visits"]
    np.testing.assert_array_equal(visits, np.ones(40))
    assert len(built.training_dynamics.variables) == 1


def test_a_table_that_does_not_fit_are_refused_with_the_way_out():
    n = 20_000_000
    source = arrays(np.zeros((n, 1), np.int8), np.arange(n) % 3)
    with pytest.raises(InvalidInput, match="track_labels=False"):
        classifier(track_labels=True).setup(source, None)
