"""Readers of encoded images, which decode no more of them than needed."""

from collections.abc import Callable

import tensorflow as tf

# JPEG often stores chroma at half the resolution, and upsampling it mixes
# neighbouring pixels. Decoding this many pixels more on each side makes a crop
# bit-identical to the same region of the whole decoded image.
MARGIN = 2

# Maps the shape of an image to the (begin, size) of a crop.
CropBox = Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]


class EncodedReader:
    """Base class of readers of encoded images, each in its own size.

    Subclasses implement `contents(row)`, which returns the encoded bytes.
    """

    batched = False
    in_files = False
    channels = 3

    def fetch(
        self, row: tf.Tensor, crop_box: CropBox | None = None
    ) -> tf.Tensor:
        """Return the decoded image at a row, or a crop of it."""
        return decode(self.contents(row), crop_box, self.channels)


def decode(
    contents: tf.Tensor, crop_box: CropBox | None = None, channels: int = 3
) -> tf.Tensor:
    """Decode a JPEG, PNG, BMP or GIF to uint8 `[height, width, channels]`.

    `crop_box` maps the image's shape to (begin, size) and selects a crop; of a
    JPEG only the crop is decoded.
    """

    def decode_whole():
        image = tf.io.decode_image(contents, channels, expand_animations=False)
        return crop(image, *crop_box(tf.shape(image))) if crop_box else image

    # decode_and_crop_jpeg gives grey or RGB images only.
    if crop_box and channels in (1, 3):
        image = tf.cond(
            _is_complete_jpeg(contents),
            lambda: _decode_crop(contents, crop_box, channels),
            decode_whole,
        )
    else:
        image = decode_whole()
    image.set_shape([None, None, channels])
    return image


def crop(image: tf.Tensor, begin: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
    """Return the crop at `begin` (top, left) of `size` (height, width)."""
    cropped = tf.slice(
        image, tf.concat([begin, [0]], 0), tf.concat([size, [-1]], 0)
    )
    cropped.set_shape([None, None, image.shape[-1]])
    return cropped


def _is_complete_jpeg(contents: tf.Tensor) -> tf.Tensor:
    """Return whether a JPEG ends with its end-of-image marker.

    Decoding a crop of a truncated file raises no error, decoding all of it
    does.
    """
    length = tf.strings.length(contents)
    end = tf.strings.substr(contents, tf.maximum(length - 2, 0), 2)
    return tf.io.is_jpeg(contents) & (end == b"\xff\xd9")


def _decode_crop(
    contents: tf.Tensor, crop_box: CropBox, channels: int
) -> tf.Tensor:
    """Decode a crop of a JPEG with a margin, and cut the margin off."""
    shape = tf.io.extract_jpeg_shape(contents)
    begin, size = crop_box(shape)
    first = tf.maximum(begin - MARGIN, 0)
    last = tf.minimum(begin + size + MARGIN, shape[:2])
    window = tf.concat([first, last - first], 0)
    image = tf.image.decode_and_crop_jpeg(contents, window, channels)
    return crop(image, begin - first, size)
