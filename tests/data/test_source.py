"""Sources: reading, subsets, joins and labels."""

import numpy as np
import pytest
from support.images import VIEWS, assert_same_inputs

from fsr_gdw_tf import InvalidInput, arrays
from fsr_gdw_tf.data.source import join


def test_arrays_load_by_index_and_accept_one_hot_labels():
    x = np.arange(12.0).reshape(6, 2)
    source = arrays(x, np.eye(3)[[0, 1, 2, 2, 1, 0]])
    np.testing.assert_array_equal(source.labels, [0, 1, 2, 2, 1, 0])
    np.testing.assert_array_equal(source.load([4, 1]), x[[4, 1]])


def test_subset_renumbers_and_remembers_names():
    source = arrays(np.arange(5), [0, 1, 0, 1, 0]).subset(np.array([3, 1]))
    np.testing.assert_array_equal(source.load([0, 1]), [3, 1])
    assert [source.name(i) for i in range(2)] == ["3", "1"]


@pytest.mark.parametrize(
    ("y", "message"),
    [
        ([0, 1, 3], r"0 to 2 \(3 classes\), got 0 to 3"),
        ([-1, 0, 1], r"0 to 2 \(3 classes\), got -1 to 1"),
        ([0.5, 1.0, 2.0], "must be integers 0 to 2, got dtype float64"),
        (["a", "b", "c"], "must be integers"),
        (np.full((3, 3), 1 / 3), "take the argmax of soft targets"),
    ],
)
def test_labels_that_are_none(y, message):
    with pytest.raises(InvalidInput, match=message):
        arrays(np.zeros((3, 1)), y, class_names=list("abc"))


def test_fewer_than_two_classes():
    with pytest.raises(InvalidInput, match="at least 2 classes, got 1"):
        arrays(np.zeros((3, 1)), [0, 0, 0])


@pytest.mark.parametrize("view", VIEWS[:2], ids=lambda v: type(v).__name__)
def test_a_join_of_arrays_and_files_looks_like_arrays(jpegs, view):
    files, decoded = jpegs
    few = [np.arange(0, 5), np.arange(5, 9), np.arange(9, 12)]
    parts = [files.subset(few[0]), decoded.subset(few[1])]
    # What a join numbers 0 to 11 is the same in both.
    mixed = join(join(*parts), files.subset(few[2]))
    assert_same_inputs(mixed, decoded, view)
    other = join(decoded.subset(few[0]), files.subset(np.arange(5, 12)))
    assert_same_inputs(other, decoded, view)
