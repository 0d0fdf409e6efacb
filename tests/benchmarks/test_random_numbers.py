"""The same random numbers as TensorFlow, bit for bit."""

import numpy as np
import pytest
import tensorflow as tf
from full_scale import batches, random_numbers

from fsr_gdw_tf import InputPipeline, arrays
from fsr_gdw_tf.data.augmentation import CropFlip

SEEDS = [[0, 0], [3, 2], [-5, 123456], [2**31 - 1, -7]]


@pytest.mark.parametrize("seed", SEEDS)
def test_the_numbers_of_a_seed(seed):
    seed = np.array(seed, np.int32)
    for n in (1, 4, 1001):
        np.testing.assert_array_equal(
            random_numbers.uniform(seed, n),
            tf.random.stateless_uniform([n], seed),
        )
    drawn = tf.random.stateless_uniform([5], seed, 0, 2**31 - 1, tf.int32)
    found = random_numbers.below(seed, 5, 2**31 - 1)
    np.testing.assert_array_equal(found, drawn)


@pytest.mark.parametrize("seed", SEEDS)
def test_numbers_folded_into_a_seed(seed):
    seed = np.array(seed, np.int32)
    fold_in = tf.random.experimental.stateless_fold_in
    for data in (np.int32(7), np.int64(9), np.int64(2**40 + 3)):
        expected = fold_in(seed, data).numpy()
        found = random_numbers.fold_in(seed, data)
        assert found.dtype == expected.dtype == data.dtype
        np.testing.assert_array_equal(found, expected)
    # Of a seed of int64, and of many numbers in one call.
    index = np.arange(5)
    many = random_numbers.fold_in(found, index)
    for i in index:
        np.testing.assert_array_equal(many[i], fold_in(found, i))


@pytest.mark.parametrize(
    "crop",
    [batches.Crop(4, "REFLECT", True), batches.Crop(2, "CONSTANT", False)],
)
def test_views_and_order(crop):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (30, 8, 6, 3), np.uint8)
    source = arrays(images, np.arange(30) % 10)
    pipeline = InputPipeline(8, view=CropFlip(*crop), seed=3)
    rows = np.arange(30)
    examples = batches.Examples(rows, source.labels)
    train = list(pipeline.train(source, epochs=2).as_numpy_iterator())
    for epoch in range(2):
        key = batches.epoch_key(3, batches.TRAIN, np.int64(epoch))
        found = batches.epoch_batches(examples, (3, 8), key, crop, (8, 6))
        for step, batch in enumerate(train[3 * epoch :][:3]):
            at = {name: x[step] for name, x in found.items()}
            np.testing.assert_array_equal(at["index"], batch["index"])
            views = at["row"], at["y"], at["x"]
            inputs = batches.take_views(images, *views)
            np.testing.assert_array_equal(inputs, batch["inputs"])
    # Members of a dictionary; an epoch of int32.
    members = np.array([7, 2, 29])
    key = batches.epoch_key(3, batches.LOAD, np.int32(1))
    views = batches.views(members, key, crop, (8, 6))
    found = batches.take_views(images, members, *views)
    expected = pipeline.loader(source)(members, epoch=1)
    np.testing.assert_array_equal(found, expected)


def test_a_meta_set_is_passed_over_several_times():
    key = np.array([1, 2], np.int32)
    order = batches.order(5, 12, key)
    noise = tf.random.stateless_uniform([3, 5], key)
    expected = tf.reshape(tf.argsort(noise, axis=1), [-1])[:12]
    np.testing.assert_array_equal(order, expected)
    assert sorted(order[:5]) == sorted(order[5:10]) == list(range(5))
