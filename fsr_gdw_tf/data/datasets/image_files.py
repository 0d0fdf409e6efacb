"""Images in files: a folder per class, or a list of paths and labels."""

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
    read_file_list,
    require_files,
    require_folder,
)
from fsr_gdw_tf.data.label_overrides import read_weights
from fsr_gdw_tf.data.source import Source
from fsr_gdw_tf.data.splits import Splits, stratified_split
from fsr_gdw_tf.errors import InvalidInput

HOLD_OUT_SEED = 0  # fixed: runs of different seeds share the test set
SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".gif"}
READ_THREADS = 32  # on network storage most of them wait for their file
LAYOUT = "expected <root>/<class name>/<image>.jpg (or .png, .bmp, .gif)"
LIST_ROOT = "relative paths start at the list's folder unless root is given"


class FileReader(EncodedReader):
    """A reader of image files, each in its own size.

    cache: keep the encoded files in memory: True up to 16 GiB, a number up to
        that many GiB, per reader and so per split.
    """

    in_files = True

    def __init__(
        self, paths: Sequence[str | Path], cache: bool | float = False
    ):
        self.paths = [str(p) for p in paths]
        if cache:
            _check_cache_size(self.paths, 16.0 if cache is True else cache)
        with tf.device("CPU:0"):
            self.cached = _read_files(self.paths) if cache else None
            self.files = tf.constant(self.paths)

    def contents(self, row: tf.Tensor) -> tf.Tensor:
        """Return the bytes of the file at a row."""
        if self.cached is not None:
            return tf.gather(self.cached, row)
        return tf.io.read_file(tf.gather(self.files, row))

    def name(self, row: int) -> str:
        """Return the path of the file at a row."""
        return self.paths[row]


def _check_cache_size(paths: list[str], limit: float) -> None:
    """Raise if the files take more than `limit` GiB."""
    with ThreadPoolExecutor(READ_THREADS) as pool:
        gib = sum(pool.map(os.path.getsize, paths)) / 2**30
    if gib > limit:
        raise InvalidInput(
            f"the {len(paths)} images, the first is {paths[0]}, take "
            f"{gib:.3g} GiB, more than the {limit:g} GiB allowed in memory; "
            "set cache (CACHE) to False, or to a larger number of GiB"
        )


def _read_files(paths: list[str]) -> tf.Tensor:
    """Return the contents of all files, read in parallel."""
    options = tf.data.Options()
    options.threading.private_threadpool_size = READ_THREADS
    files = tf.data.Dataset.from_tensor_slices(paths).map(
        tf.io.read_file, READ_THREADS
    )
    files = files.with_options(options).batch(len(paths))
    return next(iter(files))


def find_unreadable(reader: FileReader) -> dict[int, str]:
    """Decode every file; return {row: error} of those that fail."""

    def decoding_error(row: int) -> str | None:
        try:
            reader.fetch(row)
        except (tf.errors.OpError, ValueError) as error:
            return str(error).splitlines()[0][:200]
        return None

    with ThreadPoolExecutor() as pool:
        errors = pool.map(decoding_error, range(len(reader.paths)))
    return {row: error for row, error in enumerate(errors) if error}


def _file_source(
    paths: Sequence[str | Path],
    labels: Sequence[int],
    class_names: Sequence[str],
    verify: bool,
    cache: bool | float,
) -> Source:
    """Return a source of files; `verify` leaves out those that are broken."""
    reader = FileReader(paths, cache)
    broken = find_unreadable(reader) if verify else {}
    rows = [row for row in range(len(paths)) if row not in broken]
    if not rows:
        raise InvalidInput(
            f"none of the {len(paths)} images can be decoded; expected JPEG, "
            f"PNG, BMP or GIF, got {paths[0]}: {broken[0]}"
        )
    return Source(
        reader,
        np.array([labels[row] for row in rows]),
        class_names,
        rows=np.array(rows),
        unreadable=[(str(paths[row]), error) for row, error in broken.items()],
    )


@gin.register
def folder(
    root: str,
    test_root: str | None = None,
    test_share: float = 0.1,
    verify: bool = True,
    cache: bool | float = False,
) -> Splits:
    """Return splits of images in `<root>/<class name>/`.

    `<root>/train` and `<root>/test` (or `val`) are used if they exist.

    test_root: folder of the test set; by default a share `test_share` of the
        images is held out, the same in every run.
    verify: decode every image first, and leave out the broken ones.
    cache: keep the files in memory, see `FileReader`.
    """
    base = require_folder(root, LAYOUT)
    if (base / "train").is_dir():
        test_folders = [
            base / n for n in ("test", "val") if (base / n).is_dir()
        ]
        test_root = test_root or (test_folders[0] if test_folders else None)
        base = base / "train"
    train = _folder_source(base, None, verify, cache)
    if test_root is None:
        return Splits(*_hold_out(train, test_share))
    names = train.class_names
    test = _folder_source(Path(test_root), names, verify, cache)
    return Splits(train, test)


def _hold_out(source: Source, share: float) -> tuple[Source, Source]:
    """Return (training set, test set): the same split whatever the run."""
    return stratified_split(source, round(share * len(source)), HOLD_OUT_SEED)


def _folder_source(
    base: Path,
    class_names: Sequence[str] | None,
    verify: bool,
    cache: bool | float,
) -> Source:
    """Return a source of class folders, whose names are the default classes."""
    base = require_folder(base, LAYOUT)
    folders = _class_folders(base, class_names)
    class_names = class_names or [d.name for d in folders]
    class_index = {name: c for c, name in enumerate(class_names)}
    paths, labels = [], []
    for d in folders:
        images = find_images(d, LAYOUT)
        paths += images
        labels += [class_index[d.name]] * len(images)
    return _file_source(paths, labels, class_names, verify, cache)


def _class_folders(base: Path, class_names: Sequence[str] | None) -> list[Path]:
    """Return the class folders, sorted by name; raise unless they are valid."""
    folders = sorted(d for d in base.iterdir() if d.is_dir())
    folders = [d for d in folders if not d.name.startswith(".")]
    names = [d.name for d in folders]
    unknown = sorted(set(names) - set(class_names or names))
    if unknown:
        raise InvalidInput(
            f"{base} has class folders that the training folder lacks: "
            f"{', '.join(unknown[:5])}; remove them or add them there"
        )
    if len(names) < 2:
        raise InvalidInput(
            f"{base} has {len(names)} class folder(s), at least 2 are needed; "
            f"{LAYOUT}"
        )
    return folders


def find_images(folder: Path, layout: str) -> list[Path]:
    """Return the images in a class folder and its subfolders, sorted."""
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
    cache: bool | float = False,
) -> Splits:
    """Return splits of images listed in files, one image per line.

    A list is a CSV, path,label(,weight of the loss), or a text file of lines
    `path label`; labels are class names or numbers from 0.

    test_list: by default a share `test_share` is held out, as in `folder`.
    root: where relative paths start; by default the folder of the list.
    """
    training_list = read_file_list(train_list, root)
    options = _class_names(training_list.labels), verify, cache
    train = _list_source(training_list, *options)
    train = _with_listed_weights(train, train_list)
    meta = test = None
    if meta_list is not None:
        meta = _list_source(read_file_list(meta_list, root), *options)
    if test_list is None:
        train, test = _hold_out(train, test_share)
    else:
        test = _list_source(read_file_list(test_list, root), *options)
    return Splits(train, test, meta)


def _with_listed_weights(source: Source, name: str) -> Source:
    """Return the source with the weights of its list, if it has any."""
    weights = read_weights(name)
    return (
        source if weights is None else source.with_weights(weights[source.rows])
    )


def _list_source(
    entries: FileList,
    class_names: Sequence[str],
    verify: bool,
    cache: bool | float,
) -> Source:
    """Return a source of a list whose labels are class names."""
    class_index = {name: c for c, name in enumerate(class_names)}
    unknown = sorted({c for c in entries.labels if c not in class_index})
    if unknown:
        raise InvalidInput(
            f"{entries.name} has labels that the training list lacks: "
            f"{', '.join(unknown[:5])}; remove them or add them there"
        )
    labels = [class_index[label] for label in entries.labels]
    entries = entries._replace(labels=labels)
    return file_list_source([entries], class_names, verify, cache, LIST_ROOT)


def file_list_source(
    file_lists: Sequence[FileList],
    class_names: Sequence[str],
    verify: bool,
    cache: bool | float,
    advice: str,
) -> Source:
    """Return a source of concatenated lists; raise if a file is missing.

    advice: the end of the error message.
    """
    for entries in file_lists:
        require_files(entries, advice)
    paths = [path for entries in file_lists for path in entries.paths]
    labels = [label for entries in file_lists for label in entries.labels]
    return _file_source(paths, labels, class_names, verify, cache)


def _class_names(labels: Sequence[str]) -> list[str]:
    """Return "0" to the largest label if all are numbers, else sorted names."""
    if all(label.isdecimal() for label in labels):
        return [str(c) for c in range(max(map(int, labels)) + 1)]
    return sorted(set(labels))
