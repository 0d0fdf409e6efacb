"""What the network sees of an image: random in training, fixed in tests.

Every random number comes from the seed that is passed in, which the pipeline
makes from (seed, epoch, index): the same run sees the same pixels.
"""

import gin
import tensorflow as tf


@gin.register
class AsIs:
    """Inputs of any kind, untouched."""

    batched = True  # works on whole batches

    def train(self, x: tf.Tensor, seed: tf.Tensor | None = None) -> tf.Tensor:
        """The input as it is."""
        return x

    def test(self, x: tf.Tensor) -> tf.Tensor:
        """The input as it is."""
        return x


@gin.register
class CropFlip:
    """Pad, crop back at random, flip half of the time (CIFAR sizes)."""

    batched = False

    def __init__(self, padding: int = 4, mode: str = "REFLECT", flip=True):
        self.padding, self.mode, self.flip = padding, mode, flip

    def train(self, x: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """A random crop of the padded image, perhaps mirrored."""
        pad = [[self.padding] * 2] * 2 + [[0, 0]]
        padded = tf.pad(x, pad, self.mode)
        x = tf.image.stateless_random_crop(padded, tf.shape(x), seed)
        return (
            tf.image.stateless_random_flip_left_right(x, seed + 1)
            if self.flip
            else x
        )

    def test(self, x: tf.Tensor) -> tf.Tensor:
        """The image as it is."""
        return x


@gin.register
class ResizedCropFlip:
    """A random part, resized, perhaps mirrored (ImageNet sizes).

    Area 8 to 100 %, aspect 3/4 to 4/3; tests see the centre crop of side
    224/256 of the shorter side, as in the official code of FSR.
    """

    batched = False

    def __init__(self, size: int = 224, area=(0.08, 1.0), central=0.875):
        self.size, self.area, self.central = size, tuple(area), central

    def train(self, x: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """A random resized crop, perhaps mirrored."""
        begin, extent, _ = tf.image.stateless_sample_distorted_bounding_box(
            tf.shape(x),
            tf.constant([[[0.0, 0.0, 1.0, 1.0]]]),
            seed,
            min_object_covered=0.0,
            aspect_ratio_range=(3 / 4, 4 / 3),
            area_range=self.area,
            max_attempts=10,
        )
        crop = _resize(tf.slice(x, begin, extent), self.size)
        return tf.image.stateless_random_flip_left_right(crop, seed + 1)

    def test(self, x: tf.Tensor) -> tf.Tensor:
        """The resized centre."""
        shape = tf.shape(x)
        side = tf.cast(
            self.central * tf.cast(tf.minimum(shape[0], shape[1]), tf.float32),
            tf.int32,
        )
        top, left = (shape[0] - side) // 2, (shape[1] - side) // 2
        return _resize(x[top : top + side, left : left + side], self.size)


@gin.register
class Resize:
    """Every image brought to one size, nothing random."""

    batched = False

    def __init__(self, size: int):
        self.size = size

    def train(self, x: tf.Tensor, seed: tf.Tensor | None = None) -> tf.Tensor:
        """The resized image."""
        return _resize(x, self.size)

    test = train


def _resize(image: tf.Tensor, size: int) -> tf.Tensor:
    """Bilinear, back to bytes: a quarter of the traffic of floats."""
    resized = tf.image.resize(image, (size, size))
    return tf.cast(tf.round(tf.clip_by_value(resized, 0, 255)), image.dtype)
