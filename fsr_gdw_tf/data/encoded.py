"""Readers of encoded images, which decode no more of them than needed."""

import struct
from collections.abc import Callable

import gin
import numpy as np
import tensorflow as tf

from fsr_gdw_tf.data import pillow_images
from fsr_gdw_tf.errors import InvalidInput

# JPEG often stores chroma at half the resolution, and upsampling it mixes
# neighbouring pixels. Decoding this many pixels more on each side makes a crop
# bit-identical to the same region of the whole decoded image.
MARGIN = 2

# A file of a few kilobytes can hold an image of any size.
MAX_PIXELS = 64_000_000  # of an image, or of all frames of a GIF
MAX_BYTES = 2**28  # of a file

SIMPLE_BITMAP = b"\x18\0\0\0\0\0"  # in its header: 24 bits, no compression
# EXIF comes first in a JPEG, or after 18 bytes; \C is any byte.
EXIF, EXIF_BYTES = r"\C*(Exif|eXIf)\C*", 256

# What has conditions of its own, and calls no crop box of a user, is not
# rewritten by AutoGraph: that would take half a second of a run's start.
do_not_convert = tf.autograph.experimental.do_not_convert

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


@gin.register
def image_limit(max_pixels: int = MAX_PIXELS) -> int:
    """Return how many pixels an image may have: a setting for gin files."""
    return max_pixels


@do_not_convert
def _configured_limit() -> int:
    """Return the limit; gin looks a setting up by functions of its own."""
    return gin.get_configurable(image_limit)()


def decode(
    contents: tf.Tensor, crop_box: CropBox | None = None, channels: int = 3
) -> tf.Tensor:
    """Decode an image to uint8 `[height, width, channels]`.

    `crop_box` maps the image's shape to (begin, size) and selects a crop; of a
    JPEG only the crop is decoded. What TensorFlow does not read, or shows on
    its side, Pillow reads. An image of more pixels than `image_limit` is an
    error, before memory is taken for it.
    """
    limit = _configured_limit()

    def by_pillow():
        image = _call(
            lambda data: pillow_images.decode(data, channels, limit),
            contents,
            tf.uint8,
        )
        image.set_shape([None, None, channels])
        return crop(image, *crop_box(tf.shape(image))) if crop_box else image

    image = tf.cond(
        _needs_pillow(contents),
        by_pillow,
        lambda: _decode_by_tensorflow(contents, crop_box, channels, limit),
    )
    image.set_shape([None, None, channels])
    return image


@do_not_convert
def _needs_pillow(contents: tf.Tensor) -> tf.Tensor:
    """Return whether TensorFlow cannot decode an image as it is meant.

    Of bitmaps it reads those of 24 bits; it ignores what EXIF says.
    """
    head = tf.strings.substr(contents, 0, EXIF_BYTES)
    start = tf.strings.substr(head, 0, 2)
    padded = tf.strings.join([head, 34 * b"\0"])  # it may be shorter
    simple = tf.strings.substr(padded, 28, 6) == SIMPLE_BITMAP
    known = (start == b"\x89P") | (start == b"GI") | tf.io.is_jpeg(contents)
    known |= (start == b"BM") & simple
    has_exif = tf.strings.regex_full_match(head, EXIF)
    return ~known | tf.cond(
        has_exif,
        lambda: _call(pillow_images.is_rotated, contents, tf.bool),
        lambda: tf.constant(False),
    )


def _call(
    function: Callable, contents: tf.Tensor, dtype: tf.DType
) -> tf.Tensor:
    """Return what a Python function makes of encoded bytes, as a tensor."""
    if tf.executing_eagerly():
        return tf.constant(function(contents.numpy()), dtype)
    return tf.numpy_function(function, [contents], dtype)


def _decode_by_tensorflow(
    contents: tf.Tensor, crop_box: CropBox | None, channels: int, limit: int
) -> tf.Tensor:
    """Decode a JPEG, PNG, GIF or bitmap, or a crop of it."""
    contents = _require(
        count_pixels(contents) <= limit,
        contents,
        str(pillow_images.too_many_pixels(limit)),
    )

    def decode_whole():
        image = tf.io.decode_image(contents, channels, expand_animations=False)
        return crop(image, *crop_box(tf.shape(image))) if crop_box else image

    # decode_and_crop_jpeg gives grey or RGB images only.
    if crop_box and channels in (1, 3):
        return tf.cond(
            _is_complete_jpeg(contents),
            lambda: _decode_crop(contents, crop_box, channels),
            decode_whole,
        )
    return decode_whole()


@do_not_convert
def count_pixels(contents: tf.Tensor) -> tf.Tensor:
    """Return the number of pixels that the header of an image names."""

    def header(position: int, little_endian: bool) -> tf.Tensor:
        numbers = tf.strings.substr(contents, position, 8)
        return tf.io.decode_raw(numbers, tf.int32, little_endian)

    def jpeg():
        return tf.io.extract_jpeg_shape(contents)[:2]

    def gif():
        total = _call(_gif_pixels, contents, tf.int64)
        return tf.cast(tf.minimum(total, 2**31 - 1), tf.int32)[None]

    start = tf.strings.substr(contents, 0, 2)
    formats = [
        (tf.io.is_jpeg(contents), jpeg),
        (start == b"\x89P", lambda: header(16, little_endian=False)),
        (start == b"BM", lambda: header(18, little_endian=True)),
        (start == b"GI", gif),
    ]
    known = tf.reduce_any([is_format for is_format, _ in formats])
    message = "expected a JPEG, PNG, BMP or GIF, got another format"
    contents = _require(known, contents, message)
    sides = tf.case(formats, default=jpeg)
    return tf.reduce_prod(tf.abs(tf.cast(sides, tf.int64)))


def _gif_pixels(contents: bytes) -> np.int64:
    """Return the pixels of all frames, which a decoder reads to get the first.

    The size in the header is that of the canvas; frames have sizes of their
    own. What is no GIF is left to the decoder.
    """

    def colours(flags: int) -> int:
        return 3 * 2 ** (flags % 8 + 1) if flags & 128 else 0

    total = 0
    try:
        i = 13 + colours(contents[10])
        while contents[i] in (0x21, 0x2C):  # an extension or a frame
            if contents[i] == 0x2C:
                width, height = struct.unpack_from("<HH", contents, i + 5)
                total += width * height
                i += 9 + colours(contents[i + 9])
            i += 2
            while contents[i]:  # the length of a block, 0 after the last
                i += contents[i] + 1
            i += 1
    except (IndexError, struct.error):
        pass  # truncated
    return np.int64(total)


@do_not_convert
def _require(
    condition: tf.Tensor, contents: tf.Tensor, message: str
) -> tf.Tensor:
    """Return the contents; raise the message unless the condition holds.

    In a graph, what uses the result runs after the check.
    """
    if tf.executing_eagerly():
        if not condition:
            raise InvalidInput(message)
        return contents
    with tf.control_dependencies([tf.debugging.Assert(condition, [message])]):
        return tf.identity(contents)


@do_not_convert
def crop(image: tf.Tensor, begin: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
    """Return the crop at `begin` (top, left) of `size` (height, width)."""
    cropped = tf.slice(
        image, tf.concat([begin, [0]], 0), tf.concat([size, [-1]], 0)
    )
    cropped.set_shape([None, None, image.shape[-1]])
    return cropped


@do_not_convert
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
