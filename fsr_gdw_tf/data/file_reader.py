"""A reader of image files."""

import os
import stat
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import tensorflow as tf

from fsr_gdw_tf.data.encoded import MAX_BYTES, EncodedReader
from fsr_gdw_tf.errors import InvalidInput

READ_THREADS = 32  # on network storage most of them wait for their file


class FileReader(EncodedReader):
    """A reader of image files, each in its own size.

    cache: keep the encoded files in memory: True up to 16 GiB, a number up to
        that many GiB, per reader and so per split.
    """

    in_files = True
    facts = None  # what decoding each file told, see `image_check`

    def __init__(
        self, paths: Sequence[str | Path], cache: bool | float = False
    ):
        self.paths = [str(p) for p in paths]
        if cache:
            _check_cache_size(self.paths, 16.0 if cache is True else cache)
        with tf.device("CPU:0"):
            self.cached = _read_files(self.paths) if cache else None
            self.files = tf.constant(self.paths)

    def contents(self, row: tf.Tensor) -> tf.Tensor:
        """Return the bytes of the file at a row."""
        if self.cached is not None:
            return tf.gather(self.cached, row)
        if tf.executing_eagerly():
            _require_readable(self.paths[int(row)])
        return tf.io.read_file(tf.gather(self.files, row))

    def name(self, row: int) -> str:
        """Return the path of the file at a row."""
        return self.paths[row]


def _require_readable(path: str) -> None:
    """Raise unless this is a file of the size of an image.

    Reading a pipe or a device may not end.
    """
    status = os.stat(path)
    if not stat.S_ISREG(status.st_mode) or status.st_size > MAX_BYTES:
        raise InvalidInput(
            f"expected an image file of at most {MAX_BYTES:,} bytes, got "
            f"{path} of {status.st_size:,}; remove it"
        )


def _check_cache_size(paths: list[str], limit: float) -> None:
    """Raise if the files take more than `limit` GiB."""
    with ThreadPoolExecutor(READ_THREADS) as pool:
        gib = sum(pool.map(os.path.getsize, paths)) / 2**30
    if gib > limit:
        raise InvalidInput(
            f"the {len(paths)} images, the first is {paths[0]}, take "
            f"{gib:.3g} GiB, more than the {limit:g} GiB allowed in memory; "
            "set cache (CACHE) to False, or to a larger number of GiB"
        )


def _read_files(paths: list[str]) -> tf.Tensor:
    """Return the contents of all files, read in parallel."""
    options = tf.data.Options()
    options.threading.private_threadpool_size = READ_THREADS
    files = tf.data.Dataset.from_tensor_slices(paths).map(
        tf.io.read_file, READ_THREADS
    )
    files = files.with_options(options).batch(len(paths))
    return next(iter(files))
