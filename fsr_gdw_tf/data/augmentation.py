"""Image preprocessing: random views for training, fixed ones for tests.

All randomness comes from the `seed` argument, which the pipeline derives from
(seed, epoch, index), so that augmentation is reproducible.
"""

from collections.abc import Sequence

import gin
import tensorflow as tf

from fsr_gdw_tf.data.encoded import crop
from fsr_gdw_tf.errors import (
    INF,
    InvalidInput,
    require_annotated,
    require_range,
    require_whole,
    suggest_names,
)

PADDINGS = ("REFLECT", "SYMMETRIC", "CONSTANT")  # the modes of tf.pad


@gin.register
class Identity:
    """A view that returns inputs of any kind unchanged."""

    batched = True  # takes a batch as well as a single example

    def train(self, x: tf.Tensor, seed: tf.Tensor | None = None) -> tf.Tensor:
        """Return the input unchanged."""
        return x

    def test(self, x: tf.Tensor) -> tf.Tensor:
        """Return the input unchanged."""
        return x


@gin.register
class CropFlip:
    """A random crop of the padded image and a random mirror (for CIFAR)."""

    batched = False

    def __init__(
        self, padding: int = 4, mode: str = "REFLECT", flip: bool = True
    ):
        require_whole(0, padding=padding)
        require_annotated(CropFlip, {"mode": mode, "flip": flip})
        if mode not in PADDINGS:
            raise InvalidInput(
                f"no mode of padding {mode!r}: {suggest_names(mode, PADDINGS)}"
            )
        self.padding, self.mode, self.flip = padding, mode, flip

    def train(self, x: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Return a random crop of the padded image, mirrored half the time."""
        paddings = [[self.padding] * 2] * 2 + [[0, 0]]
        padded = tf.pad(x, paddings, self.mode)
        x = tf.image.stateless_random_crop(padded, tf.shape(x), seed)
        return (
            tf.image.stateless_random_flip_left_right(x, seed + 1)
            if self.flip
            else x
        )

    def test(self, x: tf.Tensor) -> tf.Tensor:
        """Return the image unchanged."""
        return x


class CropView:
    """Base class of views of a crop; of a JPEG only the crop is decoded.

    Subclasses implement `crop_box(shape, seed)`, which returns ((top, left),
    (height, width)), and `process_crop(image, seed)`. Training passes a seed,
    tests pass None.
    """

    batched = False

    def train(self, x: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Return the random crop drawn with `seed`, processed."""
        box = self.crop_box(tf.shape(x), seed)
        return self.process_crop(crop(x, *box), seed)

    def test(self, x: tf.Tensor) -> tf.Tensor:
        """Return the deterministic crop used in tests, processed."""
        return self.process_crop(crop(x, *self.crop_box(tf.shape(x))))


@gin.register
class ResizedCropFlip(CropView):
    """A random resized crop and a random mirror (for ImageNet).

    size: height and width of the result.
    area: range of the crop's share of the image; its aspect ratio is in 3/4
        to 4/3.
    central: side of the centre crop of tests, as a share of the shorter side;
        the default, 224/256, is that of the official code of FSR.
    """

    def __init__(
        self,
        size: int = 224,
        area: Sequence[float] = (0.08, 1.0),
        central: float = 0.875,
    ):
        require_whole(1, size=size)
        require_range(0, INF, central=central)
        if not 0 < central <= 1:
            raise InvalidInput(f"central must be in (0, 1], got {central}")
        self.size, self.area, self.central = size, _as_area(area), central

    def crop_box(
        self, shape: tf.Tensor, seed: tf.Tensor | None = None
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Return (top, left), (height, width): random, or the centre."""
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
        self, image: tf.Tensor, seed: tf.Tensor | None = None
    ) -> tf.Tensor:
        """Return the resized crop; in training mirrored half the time."""
        image = _resize(image, self.size)
        if seed is None:
            return image
        # Another seed than the crop's, or the two would be correlated.
        return tf.image.stateless_random_flip_left_right(image, seed + 1)


@gin.register
class Resize:
    """A view that resizes images, the same in training and tests."""

    batched = False

    def __init__(self, size: int):
        require_whole(1, size=size)
        self.size = size

    def train(self, x: tf.Tensor, seed: tf.Tensor | None = None) -> tf.Tensor:
        """Return the resized image."""
        return _resize(x, self.size)

    test = train


def _as_area(area: Sequence[float]) -> tuple[float, float]:
    """Return a range of shares as a tuple; raise unless it is one."""
    if not isinstance(area, Sequence) or len(area) != 2:
        raise InvalidInput(f"area must be two shares, got {area!r}")
    require_range(0, INF, **dict(zip(("area", "its end"), area, strict=True)))
    if not 0 < area[0] <= area[1] <= 1:
        raise InvalidInput(
            f"area must be a range of shares in (0, 1], got {area!r}"
        )
    return tuple(area)


def _resize(image: tf.Tensor, size: int) -> tf.Tensor:
    """Resize bilinearly, keeping the dtype.

    uint8 images stay uint8: a quarter of float32's memory traffic.
    """
    resized = tf.image.resize(image, (size, size))
    if image.dtype.is_floating:
        return tf.cast(resized, image.dtype)
    return tf.cast(tf.round(resized), image.dtype)
