"""The batches of an epoch as arrays of numbers, in NumPy alone.

What `fsr_gdw_tf.data.InputPipeline` and `CropFlip` draw from the same seeds:
the order of examples, the crops, the mirrors. A view of an image is a row of
pixels `y` and a column of pixels `x` for each pixel of the view; -1 is black.
"""

from typing import NamedTuple

import numpy as np
from full_scale import random_numbers

TRAIN, META, LOAD = 0, 1, 2  # as in fsr_gdw_tf/data/epoch_order.py
INT32_MAX = 2**31 - 1  # stateless_random_crop draws below it


class Crop(NamedTuple):
    """The settings of `CropFlip`."""

    padding: int
    mode: str
    flip: bool


class Examples(NamedTuple):
    """A set of examples: the image and the label of each."""

    rows: np.ndarray
    labels: np.ndarray


def epoch_key(seed: int, stream: int, epoch: np.ndarray) -> np.ndarray:
    """Return the seed of an epoch, of the dtype of the epoch."""
    return random_numbers.fold_in(np.array([seed, stream], np.int32), epoch)


def order(n: int, count: int, key: np.ndarray) -> np.ndarray:
    """Return the indices of an epoch: as many permutations as needed."""
    permutations = -(-count // n)
    noise = random_numbers.uniform(key, permutations * n)
    noise = noise.reshape(permutations, n)
    return np.argsort(noise, axis=1, kind="stable").reshape(-1)[:count]


def views(
    index: np.ndarray, key: np.ndarray, crop: Crop, shape: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Return the pixels (y, x) of the augmented views of some examples."""
    seeds = random_numbers.fold_in(key, index.astype(np.int64))
    room = 2 * crop.padding + 1
    offset = random_numbers.below(seeds, 2, INT32_MAX) % room
    y, x = (
        pixels(offset[:, axis].astype(int), shape[axis], crop)
        for axis in (0, 1)
    )
    if crop.flip:
        mirrored = random_numbers.uniform(seeds + 1, 1) < 0.5
        x = np.where(mirrored, x[:, ::-1], x)
    return y, x


def pixels(offset: np.ndarray, size: int, crop: Crop) -> np.ndarray:
    """Return the pixels along one axis of crops of the padded image."""
    at = offset[:, None] + np.arange(size) - crop.padding
    if crop.mode == "CONSTANT":
        return np.where((at >= 0) & (at < size), at, -1).astype(np.int16)
    reflected = np.where(at < size, np.abs(at), 2 * (size - 1) - at)
    return reflected.astype(np.int16)


def take_views(
    images: np.ndarray, rows: np.ndarray, y: np.ndarray, x: np.ndarray
) -> np.ndarray:
    """Return the views `[n, height, width, channels]` of some images."""
    taken = images[rows[:, None, None], y[:, :, None], x[:, None, :]]
    black = (y[:, :, None] < 0) | (x[:, None, :] < 0)
    return np.where(black[..., None], 0, taken).astype(images.dtype)


def epoch_batches(
    examples: Examples,
    sizes: tuple[int, int],
    key: np.ndarray,
    crop: Crop,
    shape: tuple[int, int],
) -> dict[str, np.ndarray]:
    """Return arrays `[steps, batch, ...]` of an epoch; sizes: (steps, batch).

    index: of each example in its set. row: of its image. y, x: its view.
    """
    index = order(len(examples.rows), sizes[0] * sizes[1], key)
    y, x = views(index, key, crop, shape)
    columns = {
        "index": index.astype(np.int64),
        "row": examples.rows[index].astype(np.int32),
        "label": examples.labels[index].astype(np.int32),
        **{"y": y, "x": x},
    }
    return {k: v.reshape(*sizes, *v.shape[1:]) for k, v in columns.items()}


def test_batches(examples: Examples, size: int) -> dict[str, np.ndarray]:
    """Return arrays `[batches, size]` of all examples; row -1 is padding."""
    padding = -len(examples.rows) % size
    rows = np.pad(examples.rows, (0, padding), constant_values=-1)
    labels = np.pad(examples.labels, (0, padding))
    columns = {"row": rows, "label": labels}
    return {k: v.astype(np.int32).reshape(-1, size) for k, v in columns.items()}
