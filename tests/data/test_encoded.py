"""Decoding a part of an encoded image."""

import io
import struct

import gin
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from support.images import SHAPE, encoded, picture

from fsr_gdw_tf import InvalidInput
from fsr_gdw_tf.data import ResizedCropFlip
from fsr_gdw_tf.data.encoded import count_pixels, decode

JPEGS = {
    "4:4:4": encoded(picture(), subsampling=0, quality=95),
    "4:2:2": encoded(picture(), subsampling=1),
    "4:2:0": encoded(picture(), subsampling=2, quality=95),
    "progressive": encoded(picture(), progressive=True),
    "grayscale": encoded(picture(mode="L")),
    "CMYK": encoded(picture(mode="CMYK")),
    "more at its end": encoded(picture()) + b"\0\0\0",
}
OTHERS = {
    "PNG": encoded(picture(), "PNG"),
    "PNG with alpha": encoded(picture(mode="RGBA"), "PNG"),
    "PNG in grey": encoded(picture(mode="L"), "PNG"),
    "BMP": encoded(picture(), "BMP"),
    "GIF": encoded(picture().quantize(16), "GIF"),
}


def windows(count=40):
    """Random ones, those of one pixel and the whole image among them."""
    rng = np.random.default_rng(1)
    yield (0, 0), SHAPE
    for height, width in [(1, 1), *rng.integers(1, SHAPE, (count, 2))]:
        top = rng.integers(0, SHAPE[0] - height + 1)
        left = rng.integers(0, SHAPE[1] - width + 1)
        yield (int(top), int(left)), (int(height), int(width))


@pytest.mark.parametrize("name", [*JPEGS, *OTHERS])
def test_a_window_is_bit_for_bit_what_it_is_in_the_whole_image(name):
    contents = {**JPEGS, **OTHERS}[name]
    whole = tf.io.decode_image(contents, 3, expand_animations=False).numpy()
    for begin, extent in windows():
        place = tf.constant(begin), tf.constant(extent)
        part = decode(tf.constant(contents), lambda shape, p=place: p)
        rows = slice(begin[0], begin[0] + extent[0])
        columns = slice(begin[1], begin[1] + extent[1])
        np.testing.assert_array_equal(part, whole[rows, columns])


@pytest.mark.parametrize("name", [*JPEGS, *OTHERS])
def test_another_library_decodes_the_same_image(name):
    """Up to the arithmetic of a fast cosine transform, 12 of 255."""
    contents = {**JPEGS, **OTHERS}[name]
    known = np.asarray(Image.open(io.BytesIO(contents)).convert("RGB"))
    image = decode(tf.constant(contents)).numpy()
    np.testing.assert_allclose(
        image.astype(int), known.astype(int), atol=12 if name in JPEGS else 0
    )


def test_of_a_jpeg_no_more_than_the_window_is_decoded(jpegs, monkeypatch):
    decoded, places = tf.image.decode_and_crop_jpeg, []

    def spied(contents, place, channels):
        places.append(place.numpy().tolist())
        return decoded(contents, place, channels)

    monkeypatch.setattr(tf.image, "decode_and_crop_jpeg", spied)
    monkeypatch.delattr(tf.io, "decode_image")
    jpegs[0].load_view(3, ResizedCropFlip(16))
    # 0.875 x 45 = 39 pixels about the centre, and two more on each side.
    assert places == [[1, 9, 43, 43]]
    jpegs[0].load_view(3, ResizedCropFlip(16), seed=tf.constant([0, 1]))
    height, width = places[1][2:]
    assert height * width < 45 * 61


def resized(image: bytes, at: int, kind: str, *sides: int) -> bytes:
    """Write other sides into the header of an image."""
    new = struct.pack(kind, *sides)
    return image[:at] + new + image[at + len(new) :]


def bombs() -> dict[str, bytes]:
    """Small files that decode to far more pixels than the limit."""
    png, bmp = encoded(picture(), "PNG"), encoded(picture(), "BMP")
    jpeg = encoded(picture())
    gif = encoded(picture().quantize(16), "GIF")
    frame = gif.index(b"\x2c\0\0\0\0")
    large = resized(gif, frame + 5, "<HH", 8000, 5000)
    return {
        "PNG": resized(png, 16, ">II", 65535, 65535),
        "BMP": resized(bmp, 18, "<ii", 65535, -65535),
        "JPEG": resized(jpeg, jpeg.index(b"\xff\xc0") + 5, ">HH", 65000, 65000),
        "GIF": resized(gif, frame + 5, "<HH", 65535, 65535),
        "many frames": large[:-1] + large[frame:],
    }


@pytest.mark.parametrize("name", bombs())
def test_an_image_of_too_many_pixels_is_not_decoded(name):
    """Neither eagerly nor in a data pipeline; its message names the limit."""
    contents = bombs()[name]
    with pytest.raises(InvalidInput, match=r"image_limit\.max_pixels"):
        decode(tf.constant(contents))
    images = tf.data.Dataset.from_tensors(contents).map(decode)
    with pytest.raises(tf.errors.InvalidArgumentError, match="64,000,000"):
        next(iter(images))


@pytest.mark.parametrize("name", [*JPEGS, *OTHERS])
def test_pixels_are_counted_from_the_header(name):
    contents = {**JPEGS, **OTHERS}[name]
    assert count_pixels(tf.constant(contents)) == SHAPE[0] * SHAPE[1]


def turned(orientation: int, kind: str = "JPEG") -> bytes:
    """Return an image with an EXIF tag that says how it is shown."""
    tags = Image.Exif()
    tags[0x0112] = orientation
    return encoded(picture(), kind, exif=tags.tobytes())


# By Pillow's own names; TensorFlow alone would show all of them as stored.
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    6: Image.Transpose.ROTATE_270,
    8: Image.Transpose.ROTATE_90,
}


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", TURNS)
def test_photos_are_shown_as_the_camera_was_held(kind, orientation):
    stored = Image.open(io.BytesIO(encoded(picture(), kind))).convert("RGB")
    expected = np.asarray(stored.transpose(TURNS[orientation]))
    contents = turned(orientation, kind)
    np.testing.assert_array_equal(decode(tf.constant(contents)), expected)
    window = tf.constant([10, 3]), tf.constant([20, 30])
    part = decode(tf.constant(contents), lambda shape: window)
    np.testing.assert_array_equal(part, expected[10:30, 3:33])


def test_an_upright_photo_with_exif_is_decoded_by_tensorflow(monkeypatch):
    monkeypatch.delattr("fsr_gdw_tf.data.pillow_images.decode")
    image = decode(tf.constant(turned(1)))
    expected = tf.io.decode_jpeg(turned(1))
    np.testing.assert_array_equal(image, expected)


BY_PILLOW = {
    "WebP": encoded(picture(), "WEBP", lossless=True),
    "TIFF": encoded(picture(), "TIFF"),
    "TIFF in CMYK": encoded(picture(mode="CMYK"), "TIFF"),
    "TIFF with a palette": encoded(picture().quantize(16), "TIFF"),
    "bitmap with a palette": encoded(picture().quantize(16), "BMP"),
    "bitmap with alpha": encoded(picture(mode="RGBA"), "BMP"),
    "bitmap of two colours": encoded(picture(mode="1"), "BMP"),
}


@pytest.mark.parametrize("name", BY_PILLOW)
def test_other_formats_are_read_eagerly_and_in_a_pipeline(name):
    contents = BY_PILLOW[name]
    known = np.asarray(Image.open(io.BytesIO(contents)).convert("RGB"))
    np.testing.assert_array_equal(decode(tf.constant(contents)), known)
    window = tf.constant([10, 3]), tf.constant([20, 30])
    for crop_box, expected in (
        (None, known),
        (lambda shape: window, known[10:30, 3:33]),
    ):
        images = tf.data.Dataset.from_tensors(contents).map(
            lambda data, box=crop_box: decode(data, box)
        )
        np.testing.assert_array_equal(next(iter(images)), expected)


@pytest.mark.parametrize(
    "contents",
    [
        *(b"", b"\x89P", b"BM", b"GIF89a", b"\xff\xd8\xff", b"junk of no kind"),
        encoded(picture(), "WEBP")[:200],
    ],
)
def test_what_is_no_image_is_an_error_that_is_caught(contents):
    with pytest.raises((tf.errors.OpError, ValueError)):
        decode(tf.constant(contents))


def test_the_limit_is_a_setting():
    pixels = SHAPE[0] * SHAPE[1]
    try:
        gin.parse_config(f"image_limit.max_pixels = {pixels}")
        assert decode(tf.constant(OTHERS["PNG"])).shape[:2] == SHAPE
        gin.parse_config(f"image_limit.max_pixels = {pixels - 1}")
        with pytest.raises(InvalidInput, match="more than 2,744 pixels"):
            decode(tf.constant(OTHERS["PNG"]))
    finally:
        gin.clear_config()
