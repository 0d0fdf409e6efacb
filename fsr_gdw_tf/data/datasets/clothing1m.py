"""Clothing1M: a million images with noisy labels, and clean ones.

Xiao et al., "Learning from Massive Noisy Labeled Data for Image
Classification" (CVPR 2015).
"""

from pathlib import Path

import gin

from fsr_gdw_tf.data.datasets.image_files import file_list_source
from fsr_gdw_tf.data.file_lists import (
    FileList,
    read_labelled_paths,
    read_lines,
    require_folder,
)
from fsr_gdw_tf.data.splits import Splits
from fsr_gdw_tf.errors import InvalidInput, suggest_names

LAYOUT = (
    "expected Clothing1M as its authors (Xiao et al., CVPR 2015) send it on "
    "request: the four *_key_list.txt, noisy_label_kv.txt, clean_label_kv.txt "
    "and category_names_eng.txt in the root or its annotations/, images/ in "
    "the root"
)
META = {
    "clean_train": ["clean_train"],
    "clean_val": ["clean_val"],
    "both": ["clean_train", "clean_val"],
}


@gin.register
def clothing1m(
    root: str,
    meta: str = "clean_val",
    verify: bool = False,
    cache: bool | float = False,
) -> Splits:
    """Return splits: noisy_train for training, clean_test for tests.

    meta: the meta set: clean_train, clean_val or both; GDW's paper does not
        say which it uses.
    """
    base = require_folder(root, LAYOUT)
    if meta not in META:
        raise InvalidInput(
            f"no meta set {meta!r} of Clothing1M: {suggest_names(meta, META)}"
        )
    file = _find(base, "category_names_eng.txt")
    names = [name for _, name in read_lines(file, LAYOUT)]
    if not names:
        raise InvalidInput(f"{file} lists no class name; {LAYOUT}")
    train = _file_lists(base, "noisy", ["noisy_train"], len(names))
    clean = _file_lists(base, "clean", ["clean_test", *META[meta]], len(names))
    train, test, meta = (
        file_list_source(lists, names, verify, cache, LAYOUT)
        for lists in (train, clean[:1], clean[1:])
    )
    return Splits(train, test, meta)


def _find(base: Path, name: str) -> str:
    """Return the path of a list in `annotations/`, else in the root."""
    path = base / "annotations" / name
    return str(path if path.is_file() else base / name)


def _file_lists(
    base: Path, kind: str, parts: list[str], classes: int
) -> list[FileList]:
    """Return the lists of these parts, with noisy or clean labels."""
    file = _find(base, f"{kind}_label_kv.txt")
    labels = {
        key: c for _, key, c in read_labelled_paths(file, LAYOUT, classes)
    }
    return [
        _file_list(base, _find(base, f"{part}_key_list.txt"), labels, file)
        for part in parts
    ]


def _file_list(
    base: Path, name: str, labels: dict[str, int], label_file: str
) -> FileList:
    """Return the images of a key list with their labels."""
    rows = list(read_lines(name, LAYOUT))
    if not rows:
        raise InvalidInput(f"{name} lists no image; {LAYOUT}")
    for number, key in rows:
        if key not in labels:
            raise InvalidInput(
                f"{name}, line {number}: {key} has no label in {label_file}; "
                "use both files as published"
            )
    numbers, keys = zip(*rows, strict=True)
    paths = [f"{base}/{key}" for key in keys]
    return FileList(name, paths, [labels[key] for key in keys], numbers)
