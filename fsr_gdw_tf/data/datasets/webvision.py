"""WebVision 1.0 in its published layout: web images with noisy labels.

The papers train on Google's images of its first 50 classes, and test on two
sets: WebVision's validation images, and ImageNet's of the same classes.
"""

import re
from collections import Counter
from pathlib import Path

import gin

from fsr_gdw_tf.data.datasets.class_folders import find_images
from fsr_gdw_tf.data.datasets.image_files import file_list_source
from fsr_gdw_tf.data.file_lists import (
    FileList,
    read_labelled_paths,
    read_lines,
    require_folder,
)
from fsr_gdw_tf.data.label_checks import require_class_count
from fsr_gdw_tf.data.source import Source
from fsr_gdw_tf.data.splits import Splits
from fsr_gdw_tf.distribution.hosts import print_on_chief
from fsr_gdw_tf.errors import INF, InvalidInput, require_range

LAYOUT = (
    "expected WebVision 1.0 as its own site (ETH Zurich) offers it: "
    "info/train_filelist_google.txt, info/val_filelist.txt, google/ and "
    "val_images_256/ in one folder"
)
# The folder of each list's images. The training list has relative paths that
# start with google/.
LISTS = {"train_filelist_google.txt": "", "val_filelist.txt": "val_images_256"}
IMAGENET_LAYOUT = (
    "expected ImageNet's validation images as <imagenet>/<wordnet id>/*.JPEG"
)


@gin.register
def webvision(
    root: str,
    classes: int | None = 50,
    imagenet: str | None = None,
    verify: bool = False,
    cache: bool | float = False,
) -> Splits:
    """Return splits of the first `classes` classes (None: all).

    imagenet: folder of ImageNet's validation images, for a second test set.
    """
    base = require_folder(root, LAYOUT)
    synsets = _synsets(base / "info" / "synsets.txt")
    published = len(synsets) or INF
    if classes is not None:
        require_range(2, published + 1, classes=classes)
    limit = published if classes is None else classes
    lists = [
        _file_list(base / "info" / name, base / folder, limit, published)
        for name, folder in LISTS.items()
    ]
    if limit == INF:
        limit = 1 + max(max(entries.labels) for entries in lists)
        examples = sum(len(entries.labels) for entries in lists)
        require_class_count(limit, examples, f"a largest label of {limit - 1}")
    names = _class_names(synsets, limit)
    train, test = (
        file_list_source([entries], names, verify, cache, LAYOUT)
        for entries in lists
    )
    others = _imagenet_test(imagenet, synsets[:limit], names, verify, cache)
    return Splits(train, test, others=others)


def _synsets(file: Path) -> list[tuple[str, str]]:
    """Return (wordnet id, name) of each class; none if the file is missing."""
    if not file.is_file():
        return []
    synsets = []
    for number, text in read_lines(str(file), LAYOUT):
        match = re.fullmatch(r"(n\d{8})\s+(.+)", text)
        if not match:
            raise InvalidInput(
                f"{file}, line {number}: expected a wordnet id and a name such "
                f"as 'n01440764 tench, Tinca tinca', got {text[:80]!r}; use "
                "the published file, or remove it"
            )
        synsets.append(match.groups())
    return synsets


def _file_list(
    file: Path, folder: Path, limit: float, published: float
) -> FileList:
    """Return the entries of a list with labels below `limit`.

    published: the number of classes of the data set; larger labels are errors.
    """
    entries = read_labelled_paths(str(file), LAYOUT, published)
    rows = [
        (number, f"{folder}/{path}", label)
        for number, path, label in entries
        if label < limit
    ]
    if not rows:
        raise InvalidInput(f"{file} lists no image of these classes; {LAYOUT}")
    numbers, paths, labels = zip(*rows, strict=True)
    return FileList(str(file), list(paths), list(labels), numbers)


def _class_names(synsets: list[tuple[str, str]], count: int) -> list[str]:
    """Return class names, made unique ("crane" is two classes) by their ids."""
    if not synsets:
        return [str(c) for c in range(count)]
    times = Counter(name for _, name in synsets)
    return [
        name if times[name] == 1 else f"{name} ({wordnet})"
        for wordnet, name in synsets[:count]
    ]


def _imagenet_test(
    imagenet: str | None,
    synsets: list[tuple[str, str]],
    names: list[str],
    verify: bool,
    cache: bool | float,
) -> dict[str, Source]:
    """Return the test set {"imagenet": source}, or {} without a folder."""
    if imagenet is None:
        print_on_chief(
            "no test on ImageNet's validation images: imagenet (IMAGENET_DIR) "
            "is not set"
        )
        return {}
    base = require_folder(imagenet, IMAGENET_LAYOUT)
    if not synsets:
        raise InvalidInput(
            "a test on ImageNet needs WebVision's info/synsets.txt, which maps "
            "its classes to folders, got no such file; add it, or set imagenet "
            "(IMAGENET_DIR) to None"
        )
    images = _images_of_classes(base, [wordnet for wordnet, _ in synsets])
    paths = [path for of_class in images for path in of_class]
    labels = [label for label, of_class in enumerate(images) for _ in of_class]
    entries = FileList(str(base), paths, labels, range(len(paths)))
    return {"imagenet": file_list_source([entries], names, verify, cache, "")}


def _images_of_classes(base: Path, wordnet_ids: list[str]) -> list[list[str]]:
    """Return the images of each class; raise if a class has no folder."""
    folders = [base / wordnet for wordnet in wordnet_ids]
    missing = [folder.name for folder in folders if not folder.is_dir()]
    if missing:
        raise InvalidInput(
            f"{base} has no folder for {len(missing)} of {len(wordnet_ids)} "
            f"classes, the first is {missing[0]}; {IMAGENET_LAYOUT}"
        )
    return [find_images(folder, IMAGENET_LAYOUT) for folder in folders]
