"""Inputs read by their index."""

import numpy as np
import pytest
import tensorflow as tf

from fsr_gdw_tf import InputPipeline, InvalidInput
from fsr_gdw_tf.data import ResizedCropFlip, loading
from fsr_gdw_tf.data.loading import array_loader


def test_any_number_of_indices_is_read_with_one_trace():
    traces = []

    def read(index, shift):
        traces.append(index)
        return {"square": index**2, "words": (tf.strings.as_string(index),)}

    load = array_loader(read, tf.TensorSpec([], tf.int64))
    for indices in ([], range(loading.CHUNK + 7), [5, 1, 5], [3, 4]):
        found = load(indices, np.int64(1))
        expected = np.array(indices, np.int64)
        np.testing.assert_array_equal(found["square"], expected**2)
        (words,) = found["words"]
        assert [int(word) for word in words] == list(expected)
    assert len(traces) == 1


def test_a_single_input_is_read_without_a_graph():
    graphs = []

    def read(index):
        graphs.append(not tf.executing_eagerly())
        return {"square": index**2, "word": tf.strings.as_string(index)}

    found = array_loader(read)([3])
    assert graphs == [False]
    np.testing.assert_array_equal(found["square"], [9])
    np.testing.assert_array_equal(found["word"], [b"3"])


@pytest.mark.parametrize("random", [True, False])
def test_an_image_alone_is_what_it_is_among_others(jpegs, random):
    pipeline = InputPipeline(4, view=ResizedCropFlip(16), seed=4)
    load = pipeline.loader(jpegs[0], random)
    several = load([3, 11], 1)
    for position, index in enumerate([3, 11]):
        np.testing.assert_array_equal(load([index], 1)[0], several[position])


def test_the_other_tensors_are_those_of_the_call():
    load = array_loader(lambda i, x: i + x, tf.TensorSpec([], tf.int64))
    np.testing.assert_array_equal(load([1, 2], np.int64(10)), [11, 12])
    np.testing.assert_array_equal(load([1, 2], np.int64(20)), [21, 22])


def test_inputs_of_different_sizes_cannot_be_stacked():
    """In one chunk TensorFlow says so, in two nothing else would."""
    last = loading.CHUNK + 1
    size = lambda i: tf.where(i == last - 1, 1, 2)  # noqa: E731
    load = array_loader(lambda i: tf.zeros([size(i), 3]))
    with pytest.raises(tf.errors.InvalidArgumentError):
        load([0, last - 1])
    with pytest.raises(InvalidInput, match=r"\(2, 3\) and \(1, 3\); .* view"):
        load(range(last))


def test_what_is_loaded_can_be_written_to():
    load = array_loader(lambda i: i)
    for indices in ([1], [1, 2]):
        load(indices)[0] = 5
