"""The inputs of a dictionary's members, as variables on the device."""

import functools
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from fsr_gdw_tf.example_state import (
    pack_bytes,
    require_dictionary_fits,
    unpack_bytes,
)


class Contents:
    """The members' inputs (or features): a variable for each of them.

    Bytes are packed into integers, strings are stored as code points.

    layer: the dictionary, which owns the variables.
    first: the inputs of one example.
    length: of the longest string, if there are strings.
    """

    def __init__(
        self,
        layer: keras.layers.Layer,
        members: int,
        first: Any,
        length: int = 0,
        aggregation: str | None = None,
    ):
        self.pack_structure = functools.partial(
            tf.nest.pack_sequence_as, tf.nest.map_structure(lambda _: 0, first)
        )
        self.length = length
        self.examples, self.variables = [], []
        for part in map(np.asarray, tf.nest.flatten(first)):
            self.examples.append(tf.TensorSpec(part.shape, part.dtype))
            packed = self._packed(part[None])
            require_dictionary_fits(members, packed[0])
            variable = layer.add_weight(
                shape=(members, *packed.shape[1:]),
                dtype=packed.dtype.name,
                initializer="zeros",
                trainable=False,
                aggregation=aggregation,
                name="content",
            )
            self.variables.append(variable)

    def assign(self, inputs: Any) -> None:
        """Replace the inputs of all members."""
        parts = tf.nest.flatten(inputs)
        for variable, part in zip(self.variables, parts, strict=True):
            variable.assign(self._packed(np.asarray(part)))

    def gather(self, slots: tf.Tensor) -> Any:
        """Return the inputs of some members."""
        parts = []
        for variable, example in zip(
            self.variables, self.examples, strict=True
        ):
            rows = tf.gather(variable.value, slots)
            if example.dtype == tf.string:
                parts.append(strings(rows, example.shape))
            else:
                parts.append(unpack_bytes(rows, example))
        return self.pack_structure(parts)

    def _packed(self, rows: np.ndarray) -> np.ndarray:
        if rows.dtype.kind in "OSU":
            return code_points(rows, self.length)
        return pack_bytes(rows)


def code_points(rows: np.ndarray, length: int) -> np.ndarray:
    """Return strings as int32 code points, `[..., length]`, zero-padded."""
    flat = tf.strings.unicode_decode(tf.constant(rows.reshape(-1)), "UTF-8")
    codes = flat.to_tensor(0, shape=[None, length]).numpy()
    return codes.reshape(*rows.shape, length)


def strings(codes: tf.Tensor, shape: tf.TensorShape) -> tf.Tensor:
    """Undo `code_points`; `shape` is that of one example."""
    flat = tf.reshape(codes, [-1, codes.shape[-1]])
    ragged = tf.RaggedTensor.from_tensor(flat, padding=0)
    text = tf.strings.unicode_encode(ragged, "UTF-8")
    return tf.reshape(text, [-1, *shape])


def longest_string(inputs: Any) -> int:
    """Return the length in code points of the longest string of the inputs."""
    parts = [np.asarray(part) for part in tf.nest.flatten(inputs)]
    text = [part.reshape(-1) for part in parts if part.dtype.kind in "OSU"]
    lengths = [tf.strings.length(t, "UTF8_CHAR").numpy() for t in text]
    return max((int(n.max(initial=1)) for n in lengths), default=0)
