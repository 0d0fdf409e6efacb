"""Batches from Python (PyDatasets, loaders, generators) as tf.data."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from fsr_gdw_tf.data import nested
from fsr_gdw_tf.errors import InvalidInput

GENERATOR_GIB = 1.0  # of batches that are kept, as a generator runs once


def is_batches(x: Any) -> bool:
    """Return whether this gives batches from Python."""
    if isinstance(x, (keras.utils.PyDataset, Iterator)):
        return True
    is_data = isinstance(x, (dict, list, tuple, str, tf.data.Dataset))
    is_array = hasattr(x, "__array__") or hasattr(x, "dtype")
    return hasattr(x, "__iter__") and not (is_data or is_array)


def as_dataset(
    x: Any, steps: int | None = None, structure: Any = None
) -> tf.data.Dataset:
    """Return batches as a dataset that can be read again and again.

    A `PyDataset` and other objects with a length are read anew in each epoch.
    The first `steps` batches of a generator are read once and kept in memory:
    it cannot start again.
    structure: the symbolic inputs of the network.
    """
    if isinstance(x, Iterator):
        batches = _read(x, steps)
        make, count = lambda: iter(batches), len(batches)
    else:
        make, count = _reader(x)
    if not count:
        raise InvalidInput(f"expected batches, got an empty {type(x).__name__}")

    def arrays() -> Iterator:
        for batch in make():
            yield _as_arrays(batch, structure)

    first = _as_arrays(next(iter(make())), structure)
    specs = tf.nest.map_structure(_spec, first)
    dataset = tf.data.Dataset.from_generator(arrays, output_signature=specs)
    count = tf.data.experimental.assert_cardinality(count)
    return dataset.apply(count).prefetch(2)


def _reader(x: Iterable) -> tuple[Callable[[], Iterator], int]:
    """Return what starts a pass over the batches, and their number."""
    count = getattr(x, "num_batches", None)
    if not isinstance(x, keras.utils.PyDataset):
        count = len(x) if hasattr(x, "__len__") else None
    if count is None:
        raise InvalidInput(
            f"expected batches of a known number, got {type(x).__name__} "
            "without a length; define __len__ (of a PyDataset: num_batches)"
        )
    if isinstance(x, keras.utils.PyDataset):
        return lambda: _one_pass(x, count), count
    return lambda: iter(x), count


def _one_pass(x: keras.utils.PyDataset, count: int) -> Iterator:
    """Yield the batches in order, read by the dataset's number of workers."""
    x.on_epoch_begin()
    if x.workers <= 1:
        yield from (x[i] for i in range(count))
    else:
        with ThreadPoolExecutor(x.workers) as pool:
            waiting = deque()
            for i in range(count):
                waiting.append(pool.submit(x.__getitem__, i))
                if len(waiting) > x.max_queue_size:
                    yield waiting.popleft().result()
            yield from (future.result() for future in waiting)
    x.on_epoch_end()


def _read(x: Iterator, steps: int | None) -> list:
    """Return the first batches of a generator."""
    if steps is None:
        raise InvalidInput(
            "a generator does not say how many batches an epoch has; pass "
            "steps_per_epoch (to evaluate and predict: steps), or a "
            "keras.utils.PyDataset"
        )
    batches, size = [], 0
    for batch in x:
        batches.append(batch)
        size += sum(np.asarray(part).nbytes for part in tf.nest.flatten(batch))
        if size > GENERATOR_GIB * 2**30:
            raise InvalidInput(
                f"{len(batches)} batches of the generator take more than "
                f"{GENERATOR_GIB:g} GiB, which are kept in memory; pass a "
                "keras.utils.PyDataset, which is read batch by batch"
            )
        if len(batches) == steps:
            return batches
    raise InvalidInput(
        f"expected {steps} batches of the generator, got {len(batches)}; pass "
        f"steps_per_epoch={len(batches)}, or a new generator"
    )


def _as_arrays(batch: Any, structure: Any) -> Any:
    """Return a batch, (inputs, labels, weights) or inputs alone, as arrays."""
    if not isinstance(batch, (tuple, list)):
        return nested.as_arrays(batch, structure)
    inputs, *others = batch
    inputs = nested.as_arrays(inputs, structure)
    return inputs, *(np.asarray(part) for part in others if part is not None)


def _spec(value: np.ndarray) -> tf.TensorSpec:
    dtype = tf.string if value.dtype.kind in "OSU" else value.dtype
    return tf.TensorSpec((None, *value.shape[1:]), dtype)
