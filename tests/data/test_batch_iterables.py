"""Batches from Python."""

import numpy as np
import pytest
from support.data_kinds import BATCH, STEPS, Batches, Loader, X, Y
from support.models import classifier

from fsr_gdw_tf import InvalidInput
from fsr_gdw_tf.data import batch_iterables
from fsr_gdw_tf.data.batch_iterables import as_dataset


def inputs(dataset) -> np.ndarray:
    return np.concatenate([batch[0] for batch in dataset.as_numpy_iterator()])


@pytest.mark.parametrize("workers", [1, 2])
def test_a_py_dataset_is_read_in_order_again_and_again(workers):
    calls = []

    class Told(Batches):
        def on_epoch_end(self):
            calls.append(1)

    dataset = as_dataset(Told(workers=workers, max_queue_size=1))
    assert dataset.cardinality() == STEPS
    for _ in range(2):
        np.testing.assert_array_equal(inputs(dataset), X)
    assert len(calls) == 2


def test_a_generator_is_read_once_as_far_as_asked():
    generator = iter(Loader())
    dataset = as_dataset(generator, steps=2)
    for _ in range(2):
        np.testing.assert_array_equal(inputs(dataset), X[: 2 * BATCH])
    np.testing.assert_array_equal(next(generator)[0], X[2 * BATCH :])


@pytest.mark.parametrize(
    ("x", "steps", "message"),
    [
        (lambda: iter(Loader()), None, "pass steps_per_epoch"),
        (
            lambda: iter(Loader()),
            4,
            "expected 4 batches .* got 3; pass steps_p",
        ),
        (lambda: map(abs, ()), 1, "expected 1 batches .* got 0"),
        (
            type("Endless", (Batches,), {"num_batches": None}),
            None,
            "num_batches",
        ),
    ],
)
def test_batches_of_an_unknown_number(x, steps, message):
    with pytest.raises(InvalidInput, match=message):
        as_dataset(x(), steps)


def test_a_generator_that_does_not_fit_in_memory(monkeypatch):
    monkeypatch.setattr(batch_iterables, "GENERATOR_GIB", 1e-9)
    with pytest.raises(InvalidInput, match=r"keras\.utils\.PyDataset, which"):
        as_dataset(iter(Loader()), 3)


def test_users_are_answered_before_training():
    with pytest.raises(InvalidInput, match="pass steps_per_epoch"):
        classifier().fit(iter(Loader()))
    with pytest.raises(InvalidInput, match="to evaluate and predict: steps"):
        classifier().evaluate(iter(Loader()))
    with pytest.raises(InvalidInput, match="a dataset brings its labels"):
        classifier().fit(Batches(), Y)
