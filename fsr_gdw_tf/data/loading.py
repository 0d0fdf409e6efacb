"""Read inputs by their index into NumPy arrays, many at a time."""

import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from fsr_gdw_tf.data import nested
from fsr_gdw_tf.errors import InvalidInput

CHUNK = 256  # inputs that are in memory twice
PARALLEL = max(os.cpu_count() or 1, 2)  # of them are decoded at a time

Loader = Callable[..., Any]


def array_loader(read: Callable[..., Any], *specs: tf.TensorSpec) -> Loader:
    """Return a function of indices: `read(index, *args)` of each, stacked.

    read: traced when several are read for the first time, never again.
    specs: of `args`, tensors that are the same for all indices of a call.
    """

    def on_cpu(index: tf.Tensor, *args: tf.Tensor) -> Any:
        with tf.device("CPU:0"):  # its results must not fill the GPU's memory
            return read(index, *args)

    read_chunk = _chunk_function(on_cpu, specs)

    def load(indices: Sequence[int], *args: tf.Tensor) -> Any:
        if len(indices) == 1:  # sooner read than traced
            one = on_cpu(tf.constant(indices[0], tf.int64), *args)
            return tf.nest.map_structure(lambda x: np.array(x)[None], one)
        return load_in_chunks(lambda i: read_chunk(i, *args), indices)

    return load


def load_in_chunks(
    read_chunk: Callable[[np.ndarray], Any], indices: Sequence[int]
) -> Any:
    """Return the inputs that a function returns for some indices at a time."""
    indices, loaded = np.asarray(indices, np.int64), None
    for start in range(0, max(len(indices), 1), CHUNK):
        chunk = indices[start : start + CHUNK]
        with tf.device("CPU:0"):
            inputs = read_chunk(chunk)
        if loaded is None:
            loaded = tf.nest.map_structure(
                lambda x: np.empty(
                    (len(indices), *x.shape[1:]), x.dtype.as_numpy_dtype
                ),
                inputs,
            )
        rows = nested.take(loaded, slice(start, start + len(chunk)))
        tf.nest.map_structure(_fill, rows, inputs)
    return loaded


def _fill(rows: np.ndarray, inputs: tf.Tensor) -> None:
    if rows.shape != inputs.shape:
        raise InvalidInput(
            f"expected inputs of one shape, got {rows.shape[1:]} and "
            f"{tuple(inputs.shape[1:])}; give the data a view that resizes "
            "them, such as Resize"
        )
    rows[...] = inputs.numpy()


def _chunk_function(
    read: Callable[..., Any], specs: Sequence[tf.TensorSpec]
) -> tf.types.experimental.PolymorphicFunction:
    """Return a TensorFlow function of the indices of a chunk, and of `args`."""
    one = tf.function(read, [tf.TensorSpec([], tf.int64), *specs])

    def chunk(indices: tf.Tensor, *args: tf.Tensor) -> Any:
        outputs = one.get_concrete_function().structured_outputs
        with tf.device("CPU:0"):
            return tf.map_fn(
                lambda index: one(index, *args),
                indices,
                parallel_iterations=PARALLEL,
                fn_output_signature=tf.nest.map_structure(
                    tf.TensorSpec.from_tensor, outputs
                ),
            )

    signature = [tf.TensorSpec([None], tf.int64), *specs]
    return tf.function(chunk, signature, autograph=False)
