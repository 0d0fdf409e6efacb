"""Copies of images: of the same bytes, and of the same look.

Two images look the same if small grey versions of them do: sizes, formats and
compression may differ. Candidates are found by a difference hash, a bit for
each pair of neighbouring cells: that the left one is brighter.
"""

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

WIDTH, HEIGHT = 18, 16  # of the small grey version
MAX_BITS = 3  # of 64, in which the hashes of two copies may differ
BANDS = 4  # at least one band of two such hashes is the same in both
MAX_DIFFERENCE = 4.0  # of the grey values of two copies, their mean, of 255
MIN_DEVIATION = 4.0  # an image of less contrast looks like any other
MAX_BUCKET = 2000  # of images with an equal band, that are compared
CHUNK = 2**20  # bytes that are read at once


def small_grey(image: np.ndarray) -> np.ndarray:
    """Return an image of uint8 as a small grey one, `[HEIGHT, WIDTH]`."""
    flat = image[..., 0] if image.shape[-1] == 1 else image
    picture = Image.fromarray(flat).convert("L")
    return np.asarray(picture.resize((WIDTH, HEIGHT), Image.BOX))


def difference_hash(small: np.ndarray) -> np.ndarray:
    """Return 64 bits for each small grey image, `[n, HEIGHT, WIDTH]`."""
    cells = small.reshape(-1, HEIGHT // 2, 2, WIDTH // 2, 2).astype(np.int64)
    cells = cells.sum(axis=(2, 4))
    bits = cells[:, :, :-1] > cells[:, :, 1:]
    return np.packbits(bits.reshape(len(bits), -1), axis=1).view(">u8")[:, 0]


def near_pairs(small: np.ndarray) -> np.ndarray:
    """Return the pairs (i, j), i < j, of small grey images that look the same.

    Images of one colour, more or less, are left out: they all look the same.
    """
    if not len(small):
        return np.empty((0, 2), np.int64)
    hashes = difference_hash(small).astype(np.uint64)
    visible = np.flatnonzero(small.std(axis=(1, 2)) >= MIN_DEVIATION)
    found = [np.empty((0, 2), np.int64)]
    for band in range(BANDS):
        shift = np.uint64(band * 64 // BANDS)
        key = (hashes[visible] >> shift) & np.uint64(2 ** (64 // BANDS) - 1)
        for members in _buckets(visible, key):
            found.append(_pairs_within(members, hashes, small))
    return np.unique(np.concatenate(found), axis=0)


def _buckets(indices: np.ndarray, keys: np.ndarray) -> list[np.ndarray]:
    """Return the indices of equal keys, in groups of two or more."""
    order = np.argsort(keys, kind="stable")
    ends = np.flatnonzero(np.diff(keys[order])) + 1
    groups = np.split(indices[order], ends)
    return [group[:MAX_BUCKET] for group in groups if len(group) > 1]


def _pairs_within(
    members: np.ndarray, hashes: np.ndarray, small: np.ndarray
) -> np.ndarray:
    """Return the pairs of a bucket that look the same."""
    found = [np.empty((0, 2), np.int64)]
    for place, i in enumerate(members[:-1]):
        others = members[place + 1 :]
        bits = (hashes[others] ^ hashes[i]).view(np.uint8).reshape(-1, 8)
        differing = np.unpackbits(bits, axis=1).sum(axis=1)
        others = others[differing <= MAX_BITS]
        gap = small[others].astype(np.float32) - small[i]
        others = others[np.abs(gap).mean(axis=(1, 2)) <= MAX_DIFFERENCE]
        pairs = np.stack([np.full(len(others), i), others], axis=1)
        found.append(np.sort(pairs, axis=1))
    return np.concatenate(found)


def exact_groups(
    paths: Sequence[str], sizes: Sequence[int] | None = None
) -> list[list[int]]:
    """Return the indices of files of the same bytes, in groups.

    Only files of equal size are read. One that cannot be read has no copies.

    sizes: of the files in bytes, if they are known.
    """
    if sizes is None:
        sizes = [_size(path) for path in paths]
    by_size, by_content = defaultdict(list), defaultdict(list)
    for index, size in enumerate(sizes):
        by_size[size].append(index)
    for size, indices in by_size.items():
        if size is None or len(indices) < 2:
            continue
        for index in indices:
            digest = _digest(paths[index])
            by_content[digest or index].append(index)
    return [group for group in by_content.values() if len(group) > 1]


def _size(path: str) -> int | None:
    try:
        return Path(path).stat().st_size
    except OSError:
        return None


def _digest(path: str) -> bytes | None:
    """Return a hash of a file's bytes; None if it cannot be read."""
    digest = hashlib.blake2b(digest_size=16)
    try:
        with open(path, "rb") as file:
            while part := file.read(CHUNK):
                digest.update(part)
    except OSError:
        return None
    return digest.digest()
