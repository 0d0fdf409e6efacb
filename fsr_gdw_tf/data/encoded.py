"""Images that stay encoded until they are looked at."""

from collections.abc import Callable

import tensorflow as tf

# Colours are often stored at half the size and smoothed over the border of
# what is decoded. With this many pixels more on each side, a window is bit for
# bit what it is in the whole image.
MARGIN = 2


class EncodedReader:
    """Images decoded one at a time, each in its own size.

    A subclass gives the encoded bytes of a row: `contents(row)`.
    """

    batched = False
    in_files = False
    channels = 3

    def fetch(
        self, row: tf.Tensor, window: Callable | None = None
    ) -> tf.Tensor:
        """The image at a row, or a window of it."""
        return decode(self.contents(row), window, self.channels)


def decode(
    contents: tf.Tensor, window: Callable | None = None, channels: int = 3
) -> tf.Tensor:
    """An image of any common format as bytes `[height, width, channels]`.

    With `window`, a function from the shape to (begin, extent), that part;
    of a JPEG no more than the part is decoded.
    """

    def whole():
        image = tf.io.decode_image(contents, channels, expand_animations=False)
        return cut(image, *window(tf.shape(image))) if window else image

    if window and channels in (1, 3):
        image = tf.cond(
            _is_whole_jpeg(contents),
            lambda: _part(contents, window, channels),
            whole,
        )
    else:
        image = whole()
    image.set_shape([None, None, channels])
    return image


def cut(image: tf.Tensor, begin: tf.Tensor, extent: tf.Tensor) -> tf.Tensor:
    """A part of an image: (top, left) and (height, width)."""
    part = tf.slice(
        image, tf.concat([begin, [0]], 0), tf.concat([extent, [-1]], 0)
    )
    part.set_shape([None, None, image.shape[-1]])
    return part


def _is_whole_jpeg(contents: tf.Tensor) -> tf.Tensor:
    """Whether it ends as a JPEG does: decoding a part would not notice."""
    length = tf.strings.length(contents)
    end = tf.strings.substr(contents, tf.maximum(length - 2, 0), 2)
    return tf.io.is_jpeg(contents) & (end == b"\xff\xd9")


def _part(contents: tf.Tensor, window: Callable, channels: int) -> tf.Tensor:
    shape = tf.io.extract_jpeg_shape(contents)
    begin, extent = window(shape)
    first = tf.maximum(begin - MARGIN, 0)
    last = tf.minimum(begin + extent + MARGIN, shape[:2])
    place = tf.concat([first, last - first], 0)
    image = tf.image.decode_and_crop_jpeg(contents, place, channels)
    return cut(image, begin - first, extent)
