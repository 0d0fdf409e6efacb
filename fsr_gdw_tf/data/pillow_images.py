"""Images that TensorFlow does not decode, or not as they are meant: by Pillow.

WebP, TIFF, bitmaps with a palette, and photos that a camera stored on their
side. Only the formats below are tried: some of Pillow's others run programs.
"""

import functools
import io
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from fsr_gdw_tf.errors import InvalidInput, first_line

FORMATS = (
    *("JPEG", "PNG", "BMP", "DIB", "GIF", "WEBP", "TIFF"),
    *("AVIF", "JPEG2000", "PPM"),
)
NAMES = "JPEG, PNG, BMP, GIF, WebP or TIFF"
MODES = {1: "L", 3: "RGB", 4: "RGBA"}  # by the number of channels
GREY = ("1", "L", "LA", "F")
ORIENTATION = 0x0112  # the EXIF tag; 1: as stored


def decode(contents: bytes, channels: int, max_pixels: int) -> np.ndarray:
    """Return the first frame as uint8, `[height, width, channels]`.

    It is turned as its EXIF tag says. Transparency is ignored. Of 16 bits the
    upper 8 are kept; other numbers are stretched to 0 to 255.
    """
    kind = "image"
    try:
        with _open(contents) as image:
            kind = image.format
            if image.width * image.height > max_pixels:
                raise too_many_pixels(max_pixels)
            upright = ImageOps.exif_transpose(_eight_bits(image))
            pixels = np.asarray(upright.convert(MODES[channels]))
    except InvalidInput:
        raise
    except Image.DecompressionBombError as error:
        raise too_many_pixels(max_pixels) from error
    except UnidentifiedImageError as error:
        raise InvalidInput(
            f"expected an image ({NAMES}), got another format"
        ) from error
    except Exception as error:  # each format has errors of its own
        raise InvalidInput(
            f"the {kind} is damaged or incomplete: {first_line(error)}"
        ) from error
    return pixels.reshape(*pixels.shape[:2], channels)


def too_many_pixels(limit: int) -> InvalidInput:
    """Return the error for an image of more pixels than the limit."""
    return InvalidInput(
        f"the image has more than {limit:,} pixels; resize it, or raise "
        "image_limit.max_pixels"
    )


def is_rotated(contents: bytes) -> bool:
    """Return whether EXIF says that the image is shown turned or mirrored."""
    try:
        with _open(contents) as image:
            return image.getexif().get(ORIENTATION, 1) in range(2, 9)
    except Exception:  # a damaged tag is no tag; decoding has its own errors
        return False


def is_image(path: str | Path) -> bool:
    """Return whether a file begins like an image, whatever its name."""
    return read_header(path) is not None


class Header(NamedTuple):
    """What the beginning of a file tells of its image."""

    height: int
    width: int
    is_grey: bool


def read_header(path: str | Path) -> Header | None:
    """Return what a file tells of its image, undecoded; None of others."""
    try:
        with Image.open(path, formats=_formats()) as image:
            is_grey = image.mode in GREY or image.mode.startswith("I")
            return Header(image.height, image.width, is_grey)
    except Exception:  # each format has errors of its own
        return None


def _open(contents: bytes) -> Image.Image:
    return Image.open(io.BytesIO(contents), formats=_formats())


@functools.cache
def _formats() -> tuple[str, ...]:
    """Return those of the formats that the installed Pillow can read."""
    Image.init()
    return tuple(name for name in FORMATS if name in Image.OPEN)


def _eight_bits(image: Image.Image) -> Image.Image:
    """Return an image of numbers, such as a scan of 16 bits, in 8 bits."""
    if not image.mode.startswith(("I", "F")):
        return image
    exif = image.getexif()
    values = np.asarray(image).astype(np.float64)
    values = np.nan_to_num(values, posinf=0.0, neginf=0.0)
    low, high = values.min(), values.max()
    if image.mode != "F" and low >= 0 and high < 2**16:
        low, high = 0.0, 65535.0 if high > 255 else 255.0
    values = (values - low) * (255 / max(high - low, 1e-9))
    grey = Image.fromarray(values.astype(np.uint8))
    grey.getexif().update(exif)
    return grey
