"""Views: crops, flips and resizing."""

import numpy as np
import pytest
import tensorflow as tf
from support.images import VIEWS, assert_same_inputs

from fsr_gdw_tf import InputPipeline, arrays
from fsr_gdw_tf.data import CropFlip, Resize, ResizedCropFlip


def pictures(n=20, size=8):
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (n, size, size, 3)).astype(np.uint8)
    return arrays(x, np.arange(n) % 2)


@pytest.mark.parametrize("view", [CropFlip(2), ResizedCropFlip(6)])
def test_augmentation_is_bit_equal_twice_and_new_each_epoch(view):
    pipeline, source = InputPipeline(20, view=view, seed=1), pictures()

    def epochs():
        return [
            b["inputs"].numpy()[np.argsort(b["index"])]
            for b in pipeline.train(source, epochs=2)
        ]

    one, two = epochs(), epochs()
    np.testing.assert_array_equal(one, two)
    assert (one[0] != one[1]).any()


def test_crop_and_flip_move_pixels_but_make_none():
    x = tf.reshape(tf.range(36, dtype=tf.int32), [6, 6, 1])
    view = CropFlip(padding=1, mode="REFLECT")
    seen = set()
    for s in range(40):
        image = view.train(x, tf.constant([0, s])).numpy()[..., 0]
        step = np.unique(np.diff(image[2:4, 2:4], axis=1))
        seen.add(int(step[0]))
        assert set(image.ravel()) <= set(range(36))
    assert seen == {1, -1}, "some are mirrored, some are not"
    np.testing.assert_array_equal(view.test(x), x)


def test_random_resized_crop_has_the_size_and_tests_see_the_centre():
    image = np.zeros((16, 32, 3), np.uint8)
    image[1:15, 9:23] = 200  # the central 14 x 14 = 0.875 of the short side
    view = ResizedCropFlip(8)
    assert view.train(tf.constant(image), tf.constant([0, 1])).shape == (
        8,
        8,
        3,
    )
    assert (view.test(tf.constant(image)).numpy() == 200).all()


@pytest.mark.parametrize("view", VIEWS, ids=lambda v: type(v).__name__)
def test_files_and_decoded_images_look_the_same(jpegs, view):
    assert_same_inputs(*jpegs, view)


class Mean:
    """A view as a user may write it."""

    batched = False

    def train(self, x, seed):
        return tf.reduce_mean(tf.cast(x, tf.float32))

    def test(self, x):
        return -self.train(x, None)


class Darker(ResizedCropFlip):
    """Our view, with something done to the whole image before."""

    def train(self, x, seed):
        return super().train(x - tf.reduce_min(x), seed)


def test_views_that_look_at_the_whole_image_get_it(jpegs):
    files, decoded = jpegs
    means = decoded.load(range(12)).mean((1, 2, 3))
    pipeline = InputPipeline(12, view=Mean(), shuffle=False)
    batch = next(iter(pipeline.train(files, epochs=1)))
    np.testing.assert_allclose(batch["inputs"], means, rtol=1e-5)
    batch = next(iter(pipeline.test(files)))
    np.testing.assert_allclose(batch["inputs"], -means, rtol=1e-5)
    assert_same_inputs(files, decoded, Darker(16))


def test_resizing_keeps_fractions():
    x = np.random.default_rng(0).uniform(-1, 1, (4, 8, 8, 3)).astype("float32")
    seen = arrays(x, [0, 1, 0, 1]).load([0, 2], Resize(4).test)
    # Half the size: each pixel is the mean of four.
    means = x[[0, 2]].reshape(2, 4, 2, 4, 2, 3).mean((2, 4))
    np.testing.assert_allclose(seen, means, atol=1e-6)
