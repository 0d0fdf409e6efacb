"""Decode image files once: which are broken, how large they are, their look."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from fsr_gdw_tf.data.duplicates import small_grey
from fsr_gdw_tf.data.file_reader import FileReader
from fsr_gdw_tf.errors import InvalidInput, first_line

MAX_REASON = 200  # characters


class ImageFacts(NamedTuple):
    """What decoding a file told; `small` is its small grey version.

    error: why it cannot be used; then all else is 0 or None.
    """

    error: str | None = None
    bytes: int = 0
    height: int = 0
    width: int = 0
    is_grey: bool = False
    small: np.ndarray | None = None


def check_images(
    reader: FileReader, rows: Sequence[int] | None = None
) -> list[ImageFacts]:
    """Decode the files at some rows, by default all, in parallel."""
    rows = range(len(reader.paths)) if rows is None else rows
    with ThreadPoolExecutor() as pool:
        return list(pool.map(lambda row: _check(reader, row), rows))


def _check(reader: FileReader, row: int) -> ImageFacts:
    path = reader.paths[row]
    try:
        size = os.path.getsize(path)
        if not size:
            return ImageFacts("the file is empty")
        image = reader.fetch(row).numpy()
        return ImageFacts(
            None, size, *image.shape[:2], _is_grey(image), small_grey(image)
        )
    except InvalidInput as error:
        return ImageFacts(str(error)[:MAX_REASON])
    except (tf.errors.OpError, OSError, ValueError) as error:
        return ImageFacts(_plain(error))


def _plain(error: Exception) -> str:
    """Return the reason of an error of TensorFlow, which names its devices."""
    if isinstance(error, OSError):
        return f"it cannot be read: {error.strerror or error}"[:MAX_REASON]
    if isinstance(error, tf.errors.PermissionDeniedError):
        return "it cannot be read: permission denied"
    message = first_line(error).rpartition("}} ")[2].partition(" [Op:")[0]
    return f"the image is damaged or incomplete: {message}"[:MAX_REASON]


def _is_grey(image: np.ndarray) -> bool:
    """Return whether all channels are the same, up to JPEG's rounding.

    A few hundred pixels tell.
    """
    step = max(1, int((image.shape[0] * image.shape[1] / 500) ** 0.5))
    pixels = image[::step, ::step].astype(np.int16)
    return bool(np.ptp(pixels, axis=-1).max() <= 2)
