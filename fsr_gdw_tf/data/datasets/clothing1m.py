"""Clothing1M as its authors send it: noisy images by the million, clean ones
for learning weights and for tests.
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
    """Clothing1M: noisy_train trains, clean_test tests, `meta` (clean_train,
    clean_val or both; GDW's paper does not say which) teaches the weights.
    """
    base = require_folder(root, LAYOUT)
    if meta not in META:
        raise InvalidInput(
            f"no clean images {meta!r} of Clothing1M: "
            f"{suggest_names(meta, META)}"
        )
    file = _find(base, "category_names_eng.txt")
    names = [name for _, name in read_lines(file, LAYOUT)]
    if not names:
        raise InvalidInput(f"{file} lists no name; {LAYOUT}")
    train = _listings(base, "noisy", ["noisy_train"], len(names))
    clean = _listings(base, "clean", ["clean_test", *META[meta]], len(names))
    train, test, meta = (
        file_list_source(listings, names, verify, cache, LAYOUT)
        for listings in (train, clean[:1], clean[1:])
    )
    return Splits(train, test, meta)


def _find(base: Path, name: str) -> str:
    """Where a list lies, or would lie."""
    inside = base / "annotations" / name
    return str(inside if inside.is_file() else base / name)


def _listings(
    base: Path, kind: str, parts: list[str], classes: int
) -> list[FileList]:
    """The lists of these parts, whose labels are noisy or clean."""
    file = _find(base, f"{kind}_label_kv.txt")
    labels = {
        key: c for _, key, c in read_labelled_paths(file, LAYOUT, classes)
    }
    return [
        _listing(base, _find(base, f"{part}_key_list.txt"), labels, file)
        for part in parts
    ]


def _listing(base: Path, name: str, labels: dict, file: str) -> FileList:
    """The images of a key list, with the labels of a file."""
    rows = list(read_lines(name, LAYOUT))
    if not rows:
        raise InvalidInput(f"{name} lists no image; {LAYOUT}")
    for line, key in rows:
        if key not in labels:
            raise InvalidInput(
                f"{name}, line {line}: {key} has no label in {file}; take "
                "both as they are published"
            )
    lines, keys = zip(*rows, strict=True)
    paths = [f"{base}/{key}" for key in keys]
    return FileList(name, paths, [labels[key] for key in keys], lines)
