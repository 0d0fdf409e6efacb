"""Sources: reading, subsets, joins and labels."""

import numpy as np
import pytest
from PIL import Image
from support.images import VIEWS, assert_same_inputs

from fsr_gdw_tf import arrays
from fsr_gdw_tf.data.file_reader import FileReader
from fsr_gdw_tf.data.source import Source, join


def test_arrays_load_by_index_and_accept_one_hot_labels():
    x = np.arange(12.0).reshape(6, 2)
    source = arrays(x, np.eye(3)[[0, 1, 2, 2, 1, 0]])
    np.testing.assert_array_equal(source.labels, [0, 1, 2, 2, 1, 0])
    np.testing.assert_array_equal(source.load([4, 1]), x[[4, 1]])


def test_subset_renumbers_and_remembers_names():
    source = arrays(np.arange(5), [0, 1, 0, 1, 0]).subset(np.array([3, 1]))
    np.testing.assert_array_equal(source.load([0, 1]), [3, 1])
    assert [source.name(i) for i in range(2)] == ["3", "1"]


def test_inputs_of_different_sizes_come_one_by_one_in_order(tmp_path):
    """`load` would have to stack them."""
    sizes = [(8, 5), (3, 4), (6, 6)]
    paths = [tmp_path / f"{i}.png" for i in range(3)]
    for i, (path, (height, width)) in enumerate(zip(paths, sizes, strict=True)):
        Image.new("RGB", (width, height), (i,) * 3).save(path)
    source = Source(FileReader(paths), [0, 1, 0], ["0", "1"])
    first, last = source.load_each([2, 1])
    np.testing.assert_array_equal(first, np.full((6, 6, 3), 2))
    np.testing.assert_array_equal(last, np.full((3, 4, 3), 1))


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
