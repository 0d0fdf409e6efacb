"""Images in files: a folder per class, or a list of paths and labels."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import gin
import numpy as np

from fsr_gdw_tf.data.datasets.class_folders import (
    LAYOUT,
    class_folders,
    loose_files,
    require_images,
    sort_out,
)
from fsr_gdw_tf.data.file_lists import (
    FileList,
    display,
    is_utf8,
    read_file_list,
    require_files,
    require_folder,
)
from fsr_gdw_tf.data.file_reader import FileReader
from fsr_gdw_tf.data.image_check import check_images
from fsr_gdw_tf.data.label_checks import require_class_count
from fsr_gdw_tf.data.label_overrides import read_weights
from fsr_gdw_tf.data.overlap import print_repeated, without_repeated
from fsr_gdw_tf.data.pillow_images import NAMES
from fsr_gdw_tf.data.source import Source
from fsr_gdw_tf.data.splits import Splits, stratified_split
from fsr_gdw_tf.errors import InvalidInput

HOLD_OUT_SEED = 0  # fixed: runs of different seeds share the test set
NO_IMAGE = "it is no image"
NO_CLASS = "it is not in the folder of a class"
NOT_UTF8 = "the name of the file is not UTF-8; rename it"
LIST_ROOT = "relative paths start at the list's folder unless root is given"


def _file_source(
    paths: Sequence[str],
    labels: Sequence[int],
    class_names: Sequence[str],
    verify: bool,
    cache: bool | float,
) -> Source:
    """Return a source of files; `verify` leaves out those that are broken."""
    named = [row for row in range(len(paths)) if is_utf8(paths[row])]
    unreadable = [(display(p), NOT_UTF8) for p in paths if not is_utf8(p)]
    paths, labels = (
        [column[row] for row in named] for column in (paths, labels)
    )
    reader = FileReader(paths, cache) if paths else None
    broken = _find_broken(reader) if reader and verify else {}
    unreadable += [(paths[row], error) for row, error in broken.items()]
    rows = [row for row in range(len(paths)) if row not in broken]
    if not rows:
        raise InvalidInput(
            f"none of the {len(unreadable)} images can be decoded; expected "
            f"{NAMES}, got {': '.join(unreadable[0])}"
        )
    return Source(
        reader,
        np.array([labels[row] for row in rows]),
        class_names,
        rows=np.array(rows),
        unreadable=unreadable,
    )


def _find_broken(reader: FileReader) -> dict[int, str]:
    """Decode all files; return why those that cannot be used cannot."""
    reader.facts = check_images(reader)
    facts = enumerate(reader.facts)
    return {row: found.error for row, found in facts if found.error}


@gin.register
def folder(
    root: str,
    test_root: str | None = None,
    meta_root: str | None = None,
    test_share: float = 0.1,
    verify: bool = True,
    cache: bool | float = False,
) -> Splits:
    """Return splits of images in `<root>/<class name>/`.

    `<root>/train` and `<root>/test` (or `val`) are used if they exist, and
    beside them `<root>/meta`.

    test_root: folder of the test set; by default a share `test_share` of the
        images is held out, the same in every run.
    meta_root: folder of the clean meta set; by default there is none.
    verify: decode every image first, and leave out the broken ones.
    cache: keep the files in memory, see `FileReader`.
    """
    base = require_folder(root, LAYOUT)
    if (base / "train").is_dir():
        test_root = test_root or _first_folder(base, "test", "val")
        meta_root = meta_root or _first_folder(base, "meta")
        base = base / "train"
    train = folder_source(base, None, verify, cache)
    test, meta = (
        folder_source(Path(part), train.class_names, verify, cache)
        if part
        else None
        for part in (test_root, meta_root)
    )
    if test is None:
        train, test = _hold_out(train, test_share)
    return Splits(train, test, meta, score_test=True)


def _first_folder(base: Path, *names: str) -> Path | None:
    """Return the first of these folders that exists."""
    folders = [base / n for n in names if (base / n).is_dir()]
    return folders[0] if folders else None


def _hold_out(source: Source, share: float) -> tuple[Source, Source]:
    """Return (training set, test set): the same split whatever the run."""
    size = round(share * len(source))
    train, test = stratified_split(source, size, HOLD_OUT_SEED)
    return train, without_repeated(train, test)


def folder_source(
    base: Path,
    class_names: Sequence[str] | None,
    verify: bool,
    cache: bool | float,
) -> Source:
    """Return a source of class folders, whose names are the default classes."""
    base = require_folder(base, LAYOUT)
    folders = class_folders(base, class_names)
    class_names = class_names or [d.name for d in folders]
    class_index = {name: c for c, name in enumerate(class_names)}
    paths, labels = [], []
    others = [(display(path), NO_CLASS) for path in loose_files(base)]
    for d in folders:
        images, no_images = sort_out(d)
        require_images(d, images)
        paths += images
        labels += [class_index[d.name]] * len(images)
        others += [(display(path), NO_IMAGE) for path in no_images]
    source = _file_source(paths, labels, class_names, verify, cache)
    unreadable = [*source.unreadable, *others]
    return dataclasses.replace(source, unreadable=unreadable)


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
    train = list_source(train_list, root, None, verify, cache)
    options = train.class_names, verify, cache
    meta = test = None
    if meta_list is not None:
        meta = _list_source(read_file_list(meta_list, root), *options)
    if test_list is None:
        train, test = _hold_out(train, test_share)
    else:
        test = _list_source(read_file_list(test_list, root), *options)
    return Splits(train, test, meta, score_test=True)


def list_source(
    name: str,
    root: str | None,
    class_names: Sequence[str] | None,
    verify: bool,
    cache: bool | float,
) -> Source:
    """Return a source of the images of a list, with its weights."""
    entries = read_file_list(name, root)
    class_names = class_names or _class_names(entries.labels)
    source = _list_source(entries, class_names, verify, cache)
    return _with_listed_weights(source, name)


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
        print_repeated(entries)
    paths = [path for entries in file_lists for path in entries.paths]
    labels = [label for entries in file_lists for label in entries.labels]
    return _file_source(paths, labels, class_names, verify, cache)


def _class_names(labels: Sequence[str]) -> list[str]:
    """Return "0" to the largest label if all are numbers, else sorted names."""
    if all(label.isdecimal() for label in labels):
        classes = max(map(int, labels)) + 1
        where = f"a largest label of {classes - 1}"
        require_class_count(classes, len(labels), where)
        return [str(c) for c in range(classes)]
    return sorted(set(labels))
