"""Inputs that are several arrays."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from fsr_gdw_tf import InvalidInput, arrays
from fsr_gdw_tf.data import nested
from fsr_gdw_tf.data.source import join

A, B = np.arange(6.0), np.arange(12).reshape(6, 2)


@pytest.mark.parametrize(
    ("x", "structure", "n", "expected"),
    [
        ([A, B], None, 6, (6,)),  # two inputs
        ([[1, 2], [3, 4], [5, 6]], None, 3, 3),  # rows
        ([A, A], None, 2, 2),  # rows that are arrays
        ([A, A], [1, 2], 2, (6,)),  # the network says that they are two inputs
        ([A, A], keras.Input((6,)), 6, 2),  # or that they are rows
        ({"a": A, "b": [1, 2, 3]}, None, None, {"a": 6}),
    ],
)
def test_a_list_is_several_inputs_or_rows(x, structure, n, expected):
    found = nested.as_arrays(x, structure, n)
    assert isinstance(found, type(expected) if n is None else tuple) == (
        not isinstance(expected, int)
    )
    sizes = {len(part) for part in tf.nest.flatten(found)}
    if isinstance(expected, tuple):
        assert sizes == set(expected)
    elif isinstance(expected, int):
        assert len(found) == expected


def test_named_inputs_come_in_the_order_of_the_network():
    symbolic = [keras.Input((2,), name="b"), keras.Input((), name="a")]
    found = nested.as_arrays({"a": A, "b": B}, symbolic)
    assert [part.shape for part in found] == [B.shape, A.shape]
    single = nested.as_arrays({"b": B}, symbolic[0])
    np.testing.assert_array_equal(single, B)
    np.testing.assert_array_equal(found[0], B)


def test_a_source_of_several_inputs_is_read_and_joined():
    source = arrays({"a": A, "b": B}, np.arange(6) % 2)
    both = join(source, arrays({"a": A[:2], "b": B[:2]}, [0, 1]))
    for data, index in ((source, [4, 1]), (both, [4, 7])):
        rows = data.load(index)
        np.testing.assert_array_equal(rows["a"], A[[4, 1]])
        np.testing.assert_array_equal(rows["b"], B[[4, 1]])


def test_inputs_of_other_lengths_are_told():
    with pytest.raises(InvalidInput, match="got 5 inputs but 6 labels"):
        arrays({"a": A, "b": B[:5]}, np.arange(6) % 2)
