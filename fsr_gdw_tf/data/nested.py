"""Inputs that are one array, or several in a tuple or dict (nested, too).

Lists become tuples, as tf.data stacks the elements of lists.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from fsr_gdw_tf.errors import InvalidInput, first_line


def as_arrays(x: Any, structure: Any = None, n: int | None = None) -> Any:
    """Return inputs as NumPy arrays, in tuples and dicts.

    structure: the symbolic inputs of the network; a list is several inputs if
        these are several. None: unknown, a list is several inputs if its
        elements have `n` rows each, and it does not have n elements itself.
    """
    names = None if isinstance(structure, dict) else input_names(structure)
    if isinstance(x, dict) and names and set(names) == set(x):
        # Named inputs of a network that takes them in an order, as in Keras.
        parts = tuple(as_arrays(x[name], None, n) for name in names)
        return parts if isinstance(structure, (list, tuple)) else parts[0]
    if isinstance(x, dict):
        inner = structure if isinstance(structure, dict) else {}
        return {k: as_arrays(v, inner.get(k), n) for k, v in x.items()}
    if isinstance(x, (list, tuple)) and _is_several(x, structure, n):
        inner = structure if _matches(structure, x) else [None] * len(x)
        return tuple(as_arrays(v, s, n) for v, s in zip(x, inner, strict=True))
    try:
        return np.asarray(x)
    except ValueError as error:
        raise InvalidInput(
            "expected inputs of one shape, got some of different shapes "
            f"({first_line(error)}); pad them"
        ) from error


def input_names(structure: Any) -> list[str] | None:
    """Return the names of symbolic inputs: keys, or those of the tensors."""
    if structure is None or isinstance(structure, dict):
        return None if structure is None else list(structure)
    parts = structure if isinstance(structure, (list, tuple)) else [structure]
    return [getattr(part, "name", None) for part in parts]


def _is_several(x: list | tuple, structure: Any, n: int | None) -> bool:
    if structure is not None:
        return _matches(structure, x) or len(tf.nest.flatten(structure)) > 1
    is_array = [hasattr(v, "__array__") and np.ndim(v) > 0 for v in x]
    if not all(
        a or isinstance(v, dict) for a, v in zip(is_array, x, strict=True)
    ):
        return False
    sizes = {size(v) for v in x}
    return len(sizes) == 1 and len(x) not in sizes and n in (None, *sizes)


def _matches(structure: Any, x: list | tuple) -> bool:
    is_sequence = isinstance(structure, (list, tuple))
    return is_sequence and len(structure) == len(x)


def size(inputs: Any) -> int:
    """Return the number of rows of arrays."""
    return len(tf.nest.flatten(inputs)[0])


def batch_size(inputs: Any) -> tf.Tensor:
    """Return the number of examples of a batch."""
    return tf.shape(tf.nest.flatten(inputs)[0])[0]


def take(inputs: Any, index: Any) -> Any:
    """Return rows of arrays; `index` is what NumPy takes."""
    return tf.nest.map_structure(lambda x: x[index], inputs)


def gather(inputs: Any, index: tf.Tensor) -> Any:
    """Return rows of tensors."""
    return tf.nest.map_structure(lambda x: tf.gather(x, index), inputs)


def concat(batches: list) -> Any:
    """Return the examples of several batches as one batch."""
    return tf.nest.map_structure(lambda *x: tf.concat(x, 0), *batches)


def to_numpy(inputs: Any) -> Any:
    """Return the values of tensors."""
    return tf.nest.map_structure(lambda x: x.numpy(), inputs)


def from_python(
    read: Callable[[np.ndarray], list[np.ndarray]], row: tf.Tensor, specs: Any
) -> Any:
    """Return what a Python function reads at a row, or at a vector of rows.

    read: returns the flat parts of an input. specs: of the parts of one.
    """
    flat = tf.nest.flatten(specs)
    found = tf.numpy_function(read, [row], [spec.dtype for spec in flat])
    parts = tf.nest.flatten(found)  # a single one is no list without a graph
    for part, spec in zip(parts, flat, strict=True):
        part.set_shape(row.shape.concatenate(spec.shape))
    return tf.nest.pack_sequence_as(specs, parts)
