"""The inputs of a dataset by the number of the example, read when needed."""

import functools
import shutil
import tempfile
from typing import Any

import numpy as np
import tensorflow as tf

from fsr_gdw_tf.data import nested
from fsr_gdw_tf.data.source import ArrayReader
from fsr_gdw_tf.errors import InvalidInput

MEMORY_GIB = 1.0  # inputs that take more are written to a temporary file


class StoredInputs:
    """A reader of a numbered dataset, which is read once, at the first use.

    Methods without a dictionary never use it. Inputs of up to `MEMORY_GIB` are
    kept in memory, larger ones in a temporary file that the system deletes
    when the program ends.
    dataset: batches with the keys "inputs" and "index".
    """

    batched = True
    in_files = False

    def __init__(self, dataset: tf.data.Dataset, examples: int):
        self.dataset, self.examples = dataset, examples

    def name(self, row: int) -> str:
        """Return the number of a row as text."""
        return str(row)

    def fetch(self, row: tf.Tensor) -> Any:
        """Return the input at a row, or the inputs at a vector of rows."""
        with tf.init_scope():
            reader = self._reader
        return reader.fetch(row)

    @functools.cached_property
    def _reader(self):
        """Return a reader of all inputs."""
        spec = self.dataset.element_spec["inputs"]
        shapes = [part.shape[1:] for part in tf.nest.flatten(spec)]
        if not all(shape.is_fully_defined() for shape in shapes):
            raise InvalidInput(
                f"the inputs have shapes that are not known, {shapes}; give "
                "all examples one shape, such as with tf.ensure_shape"
            )
        parts = [
            _allocate((self.examples, *part.shape[1:]), part.dtype)
            for part in tf.nest.flatten(spec)
        ]
        for batch in self.dataset:
            index = batch["index"].numpy()
            for part, values in zip(
                parts, tf.nest.flatten(batch["inputs"]), strict=True
            ):
                part[index] = values.numpy()
        if any(isinstance(part, np.memmap) for part in parts):
            specs = tf.nest.map_structure(
                lambda part: tf.TensorSpec(part.shape[1:], part.dtype), spec
            )
            return _FileReader(parts, specs)
        return ArrayReader(tf.nest.pack_sequence_as(spec, parts))


def _allocate(shape: tuple[int, ...], dtype: tf.DType) -> np.ndarray:
    """Return an array in memory, or a large one in a temporary file."""
    if dtype == tf.string:
        return np.full(shape, b"", object)
    size = int(np.prod(shape)) * dtype.size
    if size <= MEMORY_GIB * 2**30:
        return np.zeros(shape, dtype.as_numpy_dtype)
    free = shutil.disk_usage(tempfile.gettempdir()).free
    if size > 0.9 * free:
        raise InvalidInput(
            f"the inputs of {shape[0]:,} examples take {size / 2**30:.1f} GiB, "
            f"and {tempfile.gettempdir()} has {free / 2**30:.1f} GiB free; set "
            "TMPDIR to a larger disk, or pass a Source of files, from_folder()"
        )
    file = tempfile.TemporaryFile(prefix="fsr_gdw_tf_")  # noqa: SIM115
    return np.memmap(file, dtype.as_numpy_dtype, "w+", shape=shape)


class _FileReader:
    """A reader of arrays in files."""

    def __init__(self, parts: list[np.ndarray], specs: Any):
        self.parts, self.specs = parts, specs

    def fetch(self, row: tf.Tensor) -> Any:
        return nested.from_python(
            lambda row: [np.asarray(part[row]) for part in self.parts],
            row,
            self.specs,
        )
