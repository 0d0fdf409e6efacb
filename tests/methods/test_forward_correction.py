"""Forward correction: the noise matrix and the second stage."""

import keras
import numpy as np
import pytest
from support.models import (
    blob_source,
    blobs,
    classifier,
    mislabelled,
    recorder,
    weights,
)

from fsr_gdw_tf import InvalidInput
from fsr_gdw_tf.methods import GLC, ForwardCorrection
from fsr_gdw_tf.methods.forward_correction import anchor_predictions
from fsr_gdw_tf.recorders.noise_matrix_stats import NoiseMatrixStats

PROBS = np.array([[0.9, 0.1], [0.8, 0.2], [0.6, 0.4], [0.3, 0.7], [0.25, 0.75]])


@pytest.mark.parametrize(
    ("quantile", "rows"),
    # Eq. 12: the example most surely of a class; or the one below outliers.
    [(1.0, [[0.9, 0.1], [0.25, 0.75]]), (0.75, [[0.6, 0.4], [0.6, 0.4]])],
)
def test_the_matrix_is_read_off_the_clearest_examples(quantile, rows):
    found = anchor_predictions(PROBS, quantile, [0.5, 0.5])
    np.testing.assert_array_equal(found, rows)


def test_a_small_class_is_shown_by_its_largest_probability():
    """Of 100 classes each is smaller than the 3 % that would be cut off."""
    found = anchor_predictions(PROBS, 0.75, [0.2, 0.8])
    np.testing.assert_array_equal(found, [[0.9, 0.1], [0.6, 0.4]])


class Watches(keras.callbacks.Callback):
    """The weights with which each epoch begins."""

    def on_train_begin(self, logs=None):
        self.seen = []

    def on_epoch_begin(self, epoch, logs=None):
        self.seen.append(weights(self.model))


@pytest.mark.parametrize("restart", [True, False])
@pytest.mark.parametrize("kind", [ForwardCorrection, GLC])
def test_the_second_stage_starts_again_with_a_matrix(kind, restart):
    """On 40 % noise its entries are right to a tenth, the identity to .27."""
    model, watch = classifier(kind(restart=restart)), Watches()
    uses = {"meta": blob_source(n=12, seed=7)} if kind is GLC else {}
    fit = {"batch_size": 30, "epochs": 8, "callbacks": [watch], "verbose": 0}
    first = weights(model)
    logs = model.fit(mislabelled(n=900), **uses, **fit).history
    both = zip(first, watch.seen[4], strict=True)
    assert all(np.array_equal(a, b) for a, b in both) == restart
    assert (
        logs["noise_matrix_error"][3] > 0.2
        and logs["noise_matrix_error"][-1] < 0.1
    )
    x, y = blobs(seed=1)
    assert (model.predict(x, verbose=0).argmax(1) == y).mean() > 0.95


def test_the_matrix_is_estimated_once():
    """Fits that follow go on with it, and with the weights."""
    model, watch = classifier(ForwardCorrection()), Watches()
    model.fit(*blobs(), epochs=4, batch_size=20, verbose=0)
    known, now = model.method.matrix.numpy(), weights(model)
    fit = {"epochs": 4, "batch_size": 20, "verbose": 0, "callbacks": [watch]}
    model.fit(*blobs(), **fit)
    np.testing.assert_array_equal(model.method.matrix, known)
    for a, b in zip(now, watch.seen[0], strict=True):
        np.testing.assert_array_equal(a, b)
    assert not np.array_equal(watch.seen[0][0], watch.seen[2][0])
    assert not np.array_equal(watch.seen[1][0], watch.seen[3][0])


def test_a_stage_without_an_epoch_is_told():
    with pytest.raises(InvalidInput, match="of 1 epochs, which is none"):
        classifier(ForwardCorrection()).fit(*blobs(), verbose=0)


def test_the_matrix_is_written_as_a_table():
    source = mislabelled()
    model = classifier(ForwardCorrection([[0.6, 0.4, 0], [0, 1, 0], [0, 0, 1]]))
    model.fit(source, verbose=0)
    (rows,) = (
        recorder(model, NoiseMatrixStats).csv_tables(model, source).values()
    )
    names = {"0: 0": 0.6, "1: 1": 0.4, "2: 2": 0.0}
    assert rows[0] == {"true class": "0: 0", **names}


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        (np.eye(2), "a matrix of 3 rows and columns, got"),
        (np.ones((3, 3)), "adds up to 1, got rows of"),
        ([[1, 0], [1]], "3 rows and columns, got .*0.*, .1"),
    ],
)
def test_a_matrix_that_is_none_of_noise(matrix, message):
    with pytest.raises(InvalidInput, match=message):
        classifier(ForwardCorrection(matrix)).fit(*blobs(), verbose=0)
