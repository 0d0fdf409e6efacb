"""Inputs of a dataset, in memory or in a temporary file."""

import numpy as np
import pytest
import tensorflow as tf
from support.data_kinds import BATCH, N, X, slices

from fsr_gdw_tf import InvalidInput
from fsr_gdw_tf.data import stored_inputs
from fsr_gdw_tf.data.stored_inputs import StoredInputs

INDEX = np.arange(N)[::-1].copy()  # stored in another order than read


def reader(inputs) -> StoredInputs:
    data = slices({"inputs": inputs, "index": INDEX}).batch(BATCH)
    return StoredInputs(data, N)


@pytest.mark.parametrize("gib", [1.0, 0.0])
def test_inputs_by_number_in_memory_and_in_a_file(monkeypatch, gib):
    monkeypatch.setattr(stored_inputs, "MEMORY_GIB", gib)
    texts = np.array([f"t{i}" for i in range(N)])
    stored = reader({"a": X, "b": texts, "c": X.astype("uint8")})
    found = stored.fetch(tf.constant([0, 5]))
    np.testing.assert_array_equal(found["a"], X[[N - 1, N - 6]])
    assert found["b"].numpy().tolist() == [b"t23", b"t18"]
    assert found["a"].shape == (2, 4)
    one = tf.data.Dataset.range(3).map(stored.fetch)
    np.testing.assert_array_equal(np.stack([x["a"] for x in one]), X[::-1][:3])


@pytest.mark.parametrize("gib", [1.0, 0.0])
def test_a_single_input_is_read_with_and_without_a_graph(monkeypatch, gib):
    monkeypatch.setattr(stored_inputs, "MEMORY_GIB", gib)
    fetch = reader(X).fetch
    for read in (fetch, tf.function(fetch)):
        np.testing.assert_array_equal(read(tf.constant([0, 5])), X[[-1, -6]])
        np.testing.assert_array_equal(read(tf.constant(2)), X[-3])


def test_a_disk_that_is_too_small_is_told(monkeypatch):
    monkeypatch.setattr(stored_inputs, "MEMORY_GIB", 0.0)
    free = type("Usage", (), {"free": 10})
    monkeypatch.setattr(stored_inputs.shutil, "disk_usage", lambda _: free)
    with pytest.raises(InvalidInput, match=r"set TMPDIR .*from_folder\(\)"):
        reader(X).fetch(tf.constant(0))


def test_inputs_of_many_shapes_cannot_be_stored():
    data = slices({"inputs": X, "index": INDEX}).padded_batch(
        BATCH, {"inputs": [None], "index": []}
    )
    with pytest.raises(InvalidInput, match="give all examples one shape"):
        StoredInputs(data, N).fetch(tf.constant(0))
