"""Images that Pillow decodes: numbers of 16 bits, frames, and bad input."""

import numpy as np
import pytest
from PIL import Image
from support.images import SHAPE, encoded, picture

from fsr_gdw_tf import InvalidInput
from fsr_gdw_tf.data import pillow_images

ANY = 10**9  # pixels
DEEP = np.array([[0, 257, 65535], [256, 32896, 12850]], np.uint16)


@pytest.mark.parametrize("kind", ["TIFF", "PNG"])
def test_of_16_bits_the_upper_8_are_kept(kind):
    """257 x 128 = 32,896 and 257 x 50 = 12,850; 65,535 is white."""
    image = pillow_images.decode(encoded(Image.fromarray(DEEP), kind), 3, ANY)
    assert image.shape == (2, 3, 3) and image.dtype == np.uint8
    assert image[..., 0].tolist() == [[0, 1, 255], [0, 128, 50]]


def test_numbers_without_a_range_are_stretched():
    values = np.array([[-1.0, 0.0], [1.0, 3.0]], np.float32)
    contents = encoded(Image.fromarray(values), "TIFF")
    image = pillow_images.decode(contents, 1, ANY)
    # (v + 1) / 4 of 255: 0, 63.75, 127.5 and 255.
    assert image[..., 0].tolist() == [[0, 63], [127, 255]]


def test_a_deep_image_is_turned_as_well():
    tags = Image.Exif()
    tags[pillow_images.ORIENTATION] = 6
    contents = encoded(Image.fromarray(DEEP), "TIFF", exif=tags)
    image = pillow_images.decode(contents, 1, ANY)
    assert image[..., 0].tolist() == [[0, 0], [128, 1], [50, 255]]


def test_the_first_frame_or_page_is_the_image():
    pages = [Image.new("RGB", (4, 3), colour) for colour in ("red", "blue")]
    for kind in ("TIFF", "WEBP", "GIF"):
        options = {"lossless": True} if kind == "WEBP" else {}
        contents = encoded(
            pages[0], kind, save_all=True, append_images=pages[1:], **options
        )
        image = pillow_images.decode(contents, 3, ANY)
        assert (image == [255, 0, 0]).all(), kind


@pytest.mark.parametrize(("channels", "mode"), [(1, "L"), (4, "RGBA")])
def test_channels_are_those_asked_for(channels, mode):
    contents = encoded(picture(), "WEBP", lossless=True)
    image = pillow_images.decode(contents, channels, ANY)
    expected = np.asarray(picture().convert(mode)).reshape(*SHAPE, channels)
    np.testing.assert_array_equal(image, expected)


@pytest.mark.parametrize("kind", ["WEBP", "TIFF", "PNG", "BMP"])
def test_an_image_that_breaks_off_says_so(kind):
    whole = encoded(picture(), kind)
    with pytest.raises(InvalidInput, match="damaged or incomplete"):
        pillow_images.decode(whole[: len(whole) // 2], 3, ANY)


def test_too_many_pixels_are_refused_before_memory_is_taken():
    contents = encoded(Image.new("1", (9_000, 8_000)), "TIFF")
    with pytest.raises(InvalidInput, match=r"image_limit\.max_pixels"):
        pillow_images.decode(contents, 3, 64_000_000)


def test_formats_that_would_run_programs_are_no_images(tmp_path):
    """Pillow hands PostScript to Ghostscript."""
    contents = encoded(picture(), "EPS")
    with pytest.raises(InvalidInput, match="got another format"):
        pillow_images.decode(contents, 3, ANY)
    (tmp_path / "a.jpg").write_bytes(contents)
    assert not pillow_images.is_image(tmp_path / "a.jpg")


def test_an_image_is_known_by_its_content(tmp_path):
    for name, contents in {
        "photo": encoded(picture(), "WEBP"),
        "notes.txt": b"no image",
        "empty": b"",
    }.items():
        (tmp_path / name).write_bytes(contents)
        assert pillow_images.is_image(tmp_path / name) == (name == "photo")
    assert not pillow_images.is_image(tmp_path / "none")


def test_a_damaged_tag_is_no_tag():
    tags = Image.Exif()
    tags[pillow_images.ORIENTATION] = 6
    contents = encoded(picture(), exif=tags.tobytes())
    assert pillow_images.is_rotated(contents)
    at = contents.index(b"Exif\0\0") + 6
    damaged = contents[:at] + b"\xff" * 8 + contents[at + 8 :]
    assert not pillow_images.is_rotated(damaged)
    assert not pillow_images.is_rotated(b"junk")
