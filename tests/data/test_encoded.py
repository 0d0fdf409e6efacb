"""Decoding a part of an encoded image."""

import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from support.images import SHAPE, encoded, picture

from fsr_gdw_tf.data import ResizedCropFlip
from fsr_gdw_tf.data.encoded import decode

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
