"""What the network sees of an image: random in training, fixed in tests.

Every random number comes from the seed that is passed in, which the pipeline
makes from (seed, epoch, index): the same run sees the same pixels.
"""

import gin
import tensorflow as tf

from fsr_gdw_tf.data.encoded import cut


@gin.register
class Identity:
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


class CropView:
    """What is made of one part of an image; the rest need not be decoded.

    A subclass says which part of a shape, `window(shape, seed)` = (begin,
    extent), and what becomes of it, `finish(part, seed)`. Without a seed both
    are those of tests.
    """

    batched = False

    def train(self, x: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """The part that this seed draws."""
        return self.process_crop(
            cut(x, *self.crop_box(tf.shape(x), seed)), seed
        )

    def test(self, x: tf.Tensor) -> tf.Tensor:
        """The part that tests see."""
        return self.process_crop(cut(x, *self.crop_box(tf.shape(x))))


@gin.register
class ResizedCropFlip(CropView):
    """A random part, resized, perhaps mirrored (ImageNet sizes).

    Area 8 to 100 %, aspect 3/4 to 4/3; tests see the centre crop of side
    224/256 of the shorter side, as in the official code of FSR.
    """

    def __init__(self, size: int = 224, area=(0.08, 1.0), central=0.875):
        self.size, self.area, self.central = size, tuple(area), central

    def crop_box(
        self, shape: tf.Tensor, seed: tf.Tensor | None = None
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """A random part, or the centre: (top, left), (height, width)."""
        if seed is None:
            short = tf.cast(tf.reduce_min(shape[:2]), tf.float32)
            side = tf.cast(self.central * short, tf.int32)
            return (shape[:2] - side) // 2, tf.stack([side, side])
        begin, extent, _ = tf.image.stateless_sample_distorted_bounding_box(
            shape,
            tf.constant([[[0.0, 0.0, 1.0, 1.0]]]),
            seed,
            min_object_covered=0.0,
            aspect_ratio_range=(3 / 4, 4 / 3),
            area_range=self.area,
            max_attempts=10,
        )
        return begin[:2], extent[:2]

    def process_crop(
        self, part: tf.Tensor, seed: tf.Tensor | None = None
    ) -> tf.Tensor:
        """The part, resized; in training perhaps mirrored."""
        image = _resize(part, self.size)
        if seed is None:
            return image
        return tf.image.stateless_random_flip_left_right(image, seed + 1)


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
    """Bilinear; bytes stay bytes, a quarter of the traffic of floats."""
    resized = tf.image.resize(image, (size, size))
    if image.dtype.is_floating:
        return tf.cast(resized, image.dtype)
    return tf.cast(tf.round(resized), image.dtype)
