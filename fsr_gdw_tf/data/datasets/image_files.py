"""Images in files: a folder per class, or a list of paths and labels."""

import csv
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import gin
import numpy as np
import tensorflow as tf

from fsr_gdw_tf.data.encoded import EncodedReader
from fsr_gdw_tf.data.file_lists import (
    FileList,
    open_list,
    require_files,
    require_folder,
)
from fsr_gdw_tf.data.label_overrides import read_weights
from fsr_gdw_tf.data.source import Source
from fsr_gdw_tf.data.splits import Splits, stratified_split
from fsr_gdw_tf.errors import InvalidInput

SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".gif"}
READERS = 32  # files read at a time: on a disk far away, most of them wait
LAYOUT = "expected <root>/<class name>/<image>.jpg (or .png, .bmp, .gif)"
LIST_LAYOUT = "expected a CSV with the columns path,label"
LIST_ROOT = "relative paths start at the list's folder unless root is given"


class FileReader(EncodedReader):
    """Images in files, each in its own size.

    cache: keep all files in memory, as they are; True means up to 16 GiB, a
        number that many (of each reader, so of each split).
    """

    in_files = True

    def __init__(
        self, paths: Sequence[str | Path], cache: bool | float = False
    ):
        self.paths = [str(p) for p in paths]
        if cache:
            _check_memory(self.paths, 16.0 if cache is True else cache)
        with tf.device("CPU:0"):
            self.kept = _read(self.paths) if cache else None
            self.files = tf.constant(self.paths)

    def contents(self, row: tf.Tensor) -> tf.Tensor:
        """The bytes of the file at a row."""
        if self.kept is not None:
            return tf.gather(self.kept, row)
        return tf.io.read_file(tf.gather(self.files, row))

    def name(self, row: int) -> str:
        """The path of this image."""
        return self.paths[row]


def _check_memory(paths: list[str], limit: float) -> None:
    with ThreadPoolExecutor(READERS) as pool:
        gib = sum(pool.map(os.path.getsize, paths)) / 2**30
    if gib > limit:
        raise InvalidInput(
            f"the {len(paths)} images, {paths[0]} the first, take {gib:.3g} "
            f"GiB as files, more than the {limit:g} that may be kept in "
            "memory; set cache (CACHE) to False, or to the GiB it may take"
        )


def _read(paths: list[str]) -> tf.Tensor:
    """The contents of all files, many of them read at a time."""
    options = tf.data.Options()
    options.threading.private_threadpool_size = READERS
    files = tf.data.Dataset.from_tensor_slices(paths).map(
        tf.io.read_file, READERS
    )
    files = files.with_options(options).batch(len(paths))
    return next(iter(files))


def unreadable(reader: FileReader) -> dict[int, str]:
    """Decode every file once: {row: why it cannot be decoded}."""

    def why(row: int) -> str | None:
        try:
            reader.fetch(row)
        except (tf.errors.OpError, ValueError) as error:
            return str(error).splitlines()[0][:200]
        return None

    with ThreadPoolExecutor() as pool:
        reasons = pool.map(why, range(len(reader.paths)))
    return {i: reason for i, reason in enumerate(reasons) if reason}


def _source(paths, labels, class_names, verify, cache) -> Source:
    """A source of files, those that cannot be decoded left out and listed."""
    reader = FileReader(paths, cache)
    bad = unreadable(reader) if verify else {}
    good = [i for i in range(len(paths)) if i not in bad]
    if not good:
        raise InvalidInput(
            f"none of the {len(paths)} images can be decoded, e.g. "
            f"{paths[0]}: {bad[0]}"
        )
    return Source(
        reader,
        np.array([labels[i] for i in good]),
        class_names,
        rows=np.array(good),
        unreadable=[(str(paths[i]), reason) for i, reason in bad.items()],
    )


@gin.register
def folder(
    root: str,
    test_root: str | None = None,
    test_share: float = 0.1,
    verify: bool = True,
    seed: int = 0,
    cache: bool | float = False,
) -> Splits:
    """Images in `root/<class>/`; tests come from `test_root` or are held out.

    `root/train` and `root/test` (or `root/val`) are used when they exist.
    """
    base = require_folder(root, LAYOUT)
    if (base / "train").is_dir():
        held = [base / n for n in ("test", "val") if (base / n).is_dir()]
        test_root = test_root or (held[0] if held else None)
        base = base / "train"
    train = _folder_source(base, None, verify, cache)
    if test_root is None:
        return Splits(
            *stratified_split(train, round(test_share * len(train)), seed)
        )
    names = train.class_names
    test = _folder_source(Path(test_root), names, verify, cache)
    return Splits(train, test)


def _folder_source(base: Path, class_names, verify, cache) -> Source:
    base = require_folder(base, LAYOUT)
    folders = sorted(d for d in base.iterdir() if d.is_dir())
    folders = [d for d in folders if not d.name.startswith(".")]
    found = [d.name for d in folders]
    class_names = class_names or found
    unknown = sorted(set(found) - set(class_names))
    if unknown:
        raise InvalidInput(
            f"{base} holds classes that the training folder has not: "
            f"{', '.join(unknown[:5])}"
        )
    if len(found) < 2:
        raise InvalidInput(
            f"{base} holds {len(found)} class folder(s), at least 2 are "
            f"needed; {LAYOUT}"
        )
    number = {name: c for c, name in enumerate(class_names)}
    paths, labels = [], []
    for d in folders:
        images = find_images(d, LAYOUT)
        paths += images
        labels += [number[d.name]] * len(images)
    return _source(paths, labels, class_names, verify, cache)


def find_images(folder: Path, layout: str) -> list[Path]:
    """The images below the folder of a class."""
    images = [p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES]
    if not images:
        raise InvalidInput(f"class folder {folder} has no image; {layout}")
    return sorted(images)


@gin.register
def file_list(
    train_list: str,
    test_list: str | None = None,
    meta_list: str | None = None,
    root: str | None = None,
    test_share: float = 0.1,
    verify: bool = True,
    seed: int = 0,
    cache: bool | float = False,
) -> Splits:
    """Images listed in a CSV with the columns `path,label`, or in a text file
    with `path label` on each line. Relative paths start at `root`, which is
    the list's own folder unless given. Labels are names or numbers. A column
    `weight` of the CSV multiplies the loss of each image.
    """
    listing = _read_list(train_list, root)
    names = _class_names(listing.labels)
    how = names, verify, cache
    train = _list_source(listing, *how)
    weights = read_weights(train_list)
    if weights is not None:
        train = train.with_weights(weights[train.rows])
    meta = test = None
    if meta_list is not None:
        meta = _list_source(_read_list(meta_list, root), *how)
    if test_list is None:
        train, test = stratified_split(
            train, round(test_share * len(train)), seed
        )
    else:
        test = _list_source(_read_list(test_list, root), *how)
    return Splits(train, test, meta)


def _list_source(listing: FileList, class_names, verify, cache) -> Source:
    number = {c: i for i, c in enumerate(class_names)}
    unknown = sorted({c for c in listing.labels if c not in number})
    if unknown:
        raise InvalidInput(
            f"{listing.name} has labels that the training list has not: "
            f"{', '.join(unknown[:5])}"
        )
    numbers = [number[label] for label in listing.labels]
    listing = listing._replace(labels=numbers)
    return file_list_source([listing], class_names, verify, cache, LIST_ROOT)


def file_list_source(
    listings: Sequence[FileList],
    class_names: Sequence[str],
    verify: bool,
    cache: bool | float,
    advice: str,
) -> Source:
    """A source of lists, one after another; all their files must exist."""
    for listing in listings:
        require_files(listing, advice)
    paths = [path for listing in listings for path in listing.paths]
    labels = [label for listing in listings for label in listing.labels]
    return _source(paths, labels, class_names, verify, cache)


def _class_names(labels: Sequence[str]) -> list[str]:
    """Numbers count from 0 to the largest; anything else is sorted names."""
    if all(label.isdecimal() for label in labels):
        return [str(c) for c in range(max(map(int, labels)) + 1)]
    return sorted(set(labels))


def _read_list(name: str, root: str | None) -> FileList:
    with open_list(name, LIST_LAYOUT) as lines:
        rows = list(_rows(name, lines, Path(name).suffix.lower() == ".csv"))
    if not rows:
        raise InvalidInput(f"{name} lists no image")
    base = Path(root) if root else Path(name).parent
    numbers, paths, labels = zip(*rows, strict=True)
    paths = [str(base / path) for path in paths]
    return FileList(name, paths, list(labels), numbers)


def _rows(name: str, lines, is_csv: bool):
    if is_csv:
        reader = csv.DictReader(lines)
        missing = {"path", "label"} - set(reader.fieldnames or [])
        if missing:
            raise InvalidInput(
                f"{name} has no column {' and '.join(sorted(missing))}; "
                f"expected path,label, got {','.join(reader.fieldnames or [])}"
            )
        for row in reader:
            label = row["label"] if row["path"] else ""
            number = reader.line_num
            yield number, row["path"], _label(name, number, label)
        return
    for number, line in enumerate(lines, 1):
        if line.strip():
            path, _, label = line.strip().rpartition(" ")
            yield number, path, _label(name, number, label if path else "")


def _label(name: str, line: int, label: str | None) -> str:
    label = (label or "").strip()
    if not label:
        raise InvalidInput(
            f"{name}, line {line}: no path or no label; expected path,label"
        )
    if label.lstrip("-").isdecimal() and label.startswith("-"):
        raise InvalidInput(
            f"{name}, line {line}: label {label} is out of range; numbers "
            "start at 0"
        )
    return str(int(label)) if label.isdecimal() else label
