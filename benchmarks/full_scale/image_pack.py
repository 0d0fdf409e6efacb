"""Images of one size as encoded files in a few parts; NumPy and Pillow alone.

images.json: sizes of the parts, digests of their bytes and of the pixels.
lengths.npy: the bytes of each image. part_0.bin, ...: one image after another.

Pillow decodes JPEGs by the accurate DCT, TensorFlow by the fast one: pixels of
CIFAR-10 in TFDS differ by 1 of 255 on average and by 5 at most (2,500 images).
PNGs are the same.
"""

import hashlib
import io
import json
from pathlib import Path

import numpy as np

PART_BYTES = 24 * 2**20


class PackError(Exception):
    """A pack is incomplete, or not what was written."""


def write(folder: Path, images: list[bytes], about: dict) -> None:
    """Write encoded images; `about` is stored in images.json."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*"):
        old.unlink()
    lengths = np.array([len(image) for image in images], np.int32)
    np.save(folder / "lengths.npy", lengths)
    part_of = np.cumsum(lengths, dtype=np.int64) // PART_BYTES
    parts = []
    for part in range(part_of[-1] + 1):
        members = np.flatnonzero(part_of == part)
        data = b"".join(images[i] for i in members)
        (folder / f"part_{part}.bin").write_bytes(data)
        parts.append(len(data))
    encoded = digest(np.frombuffer(b"".join(images), np.uint8))
    pixels = decode(images)
    info = {**about, "parts": parts, "encoded": encoded}
    info["pixels"] = digest(pixels)
    np.save(decoded_file(folder, info), pixels)
    (folder / "images.json").write_text(json.dumps(info, indent=2) + "\n")


def load(folder: Path) -> np.ndarray:
    """Return all images as one array, decoded at the first call."""
    info = about(folder)
    file = decoded_file(folder, info)
    if not file.is_file():
        pixels = decode(read(folder, info))
        if digest(pixels) != info["pixels"]:
            print(
                f"note: {folder} decodes to other pixels than where it was "
                "written, as this Pillow has another libjpeg",
                flush=True,
            )
        # Several processes may read it: it appears as a whole.
        partial = file.with_suffix(".partial.npy")
        np.save(partial, pixels)
        partial.replace(file)
    return np.load(file, mmap_mode="r")


def about(folder: Path) -> dict:
    """Return the contents of images.json."""
    file = folder / "images.json"
    if not file.is_file():
        raise PackError(
            f"{folder} holds no images: expected {file.name}, got none; write "
            "it with benchmarks/full_scale/prepare.py"
        )
    return json.loads(file.read_text())


def decoded_file(folder: Path, info: dict) -> Path:
    """Return where decoded images are kept: beside what is sent."""
    return folder.parent.with_name(f"decoded_{info['pixels']}.npy")


def read(folder: Path, info: dict) -> list[bytes]:
    """Return the encoded images; raise unless the pack is complete."""
    names = ["lengths.npy"]
    names += [f"part_{i}.bin" for i in range(len(info["parts"]))]
    for name, size in zip(names, [None, *info["parts"]], strict=True):
        file = folder / name
        got = file.stat().st_size if file.is_file() else 0
        if not got or (size is not None and got != size):
            raise PackError(
                f"{file} is incomplete: expected {size or 'some'} bytes, got "
                f"{got}; copy it again"
            )
    data = b"".join((folder / name).read_bytes() for name in names[1:])
    if digest(np.frombuffer(data, np.uint8)) != info["encoded"]:
        raise PackError(
            f"{folder} has other bytes than were written; copy it again"
        )
    ends = np.cumsum(np.load(folder / names[0]), dtype=np.int64)
    starts = np.append(0, ends[:-1])
    return [data[i:j] for i, j in zip(starts, ends, strict=True)]


def decode(images: list[bytes]) -> np.ndarray:
    """Return `[n, height, width, 3]` uint8."""
    from PIL import Image

    def pixels(encoded: bytes) -> np.ndarray:
        return np.asarray(Image.open(io.BytesIO(encoded)).convert("RGB"))

    return np.stack([pixels(encoded) for encoded in images])


def digest(pixels: np.ndarray) -> str:
    """Return a short hash of an array's contents."""
    data = np.ascontiguousarray(pixels).data
    return hashlib.blake2b(data, digest_size=8).hexdigest()
