"""Read inputs by their index into NumPy arrays, many at a time."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from fsr_gdw_tf.data import nested

CHUNK = 256  # inputs that are in memory twice
PARALLEL = 64  # of them are read at a time, by as many threads as there are

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
        indices = np.asarray(indices, np.int64)
        if len(indices) == 1:  # sooner read than traced
            one = on_cpu(tf.constant(indices[0]), *args)
            return tf.nest.map_structure(lambda x: np.asarray(x)[None], one)
        starts = range(0, max(len(indices), 1), CHUNK)
        parts = [read_chunk(indices[i : i + CHUNK], *args) for i in starts]
        if len(parts) == 1:
            return nested.to_numpy(parts[0])
        return tf.nest.map_structure(
            lambda *x: np.concatenate([part.numpy() for part in x]), *parts
        )

    return load


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
