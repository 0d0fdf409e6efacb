"""WebVision 1.0 as it is published: Google's images, whose labels are noisy.

The papers train on its first 50 classes and test twice: on WebVision's own
validation images, and on ImageNet's of the same classes.
"""

import re
from collections import Counter
from pathlib import Path

import gin

from fsr_gdw_tf.data.datasets.image_files import file_list_source, find_images
from fsr_gdw_tf.data.file_lists import (
    FileList,
    read_labelled_paths,
    read_lines,
    require_folder,
)
from fsr_gdw_tf.data.source import Source
from fsr_gdw_tf.data.splits import Splits
from fsr_gdw_tf.distribution.hosts import print_on_chief
from fsr_gdw_tf.errors import INF, InvalidInput, require_range

LAYOUT = (
    "expected WebVision 1.0 as its own site (ETH Zurich) offers it: "
    "info/train_filelist_google.txt, info/val_filelist.txt, google/ and "
    "val_images_256/ in one folder"
)
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
    """The first `classes` (None: all) of WebVision; `imagenet` is a second
    test, ImageNet's validation images in folders named by wordnet id.
    """
    base = require_folder(root, LAYOUT)
    synsets = _synsets(base / "info" / "synsets.txt")
    known = len(synsets) or INF
    if classes is not None:
        require_range(2, known + 1, classes=classes)
    kept = known if classes is None else classes
    listings = [
        _first(kept, base / "info" / name, base / images, known)
        for name, images in (
            ("train_filelist_google.txt", ""),
            ("val_filelist.txt", "val_images_256"),
        )
    ]
    if kept == INF:
        kept = 1 + max(max(listing.labels) for listing in listings)
    names = _class_names(synsets, kept)
    train, test = (
        file_list_source([listing], names, verify, cache, LAYOUT)
        for listing in listings
    )
    others = _others(imagenet, synsets[:kept], names, verify, cache)
    return Splits(train, test, others=others)


def _synsets(file: Path) -> list[tuple[str, str]]:
    """(wordnet id, name) of each class; empty if there is no such file."""
    if not file.is_file():
        return []
    synsets = []
    for line, text in read_lines(str(file), LAYOUT):
        found = re.fullmatch(r"(n\d{8})\s+(.+)", text)
        if not found:
            raise InvalidInput(
                f"{file}, line {line}: expected a wordnet id and a name such "
                f"as 'n01440764 tench, Tinca tinca', got {text[:80]!r}; take "
                "the file as it is published, or away"
            )
        synsets.append(found.groups())
    return synsets


def _first(kept: float, file: Path, images: Path, known: float) -> FileList:
    """The lines of a list with labels below `kept`."""
    rows = [
        (line, f"{images}/{path}", label)
        for line, path, label in read_labelled_paths(str(file), LAYOUT, known)
        if label < kept
    ]
    if not rows:
        raise InvalidInput(f"{file} lists no image of these classes; {LAYOUT}")
    lines, paths, labels = zip(*rows, strict=True)
    return FileList(str(file), list(paths), list(labels), lines)


def _class_names(synsets: list[tuple[str, str]], count: int) -> list[str]:
    """Names; two classes of one name (a crane and a crane) show their ids."""
    if not synsets:
        return [str(c) for c in range(count)]
    times = Counter(name for _, name in synsets)
    return [
        name if times[name] == 1 else f"{name} ({wordnet})"
        for wordnet, name in synsets[:count]
    ]


def _others(imagenet, synsets, names, verify, cache) -> dict[str, Source]:
    if imagenet is None:
        print_on_chief(
            "no second test on ImageNet's validation images: imagenet "
            "(IMAGENET_DIR) is not set"
        )
        return {}
    base = require_folder(imagenet, IMAGENET_LAYOUT)
    if not synsets:
        raise InvalidInput(
            "which classes of ImageNet to test on is said by info/synsets.txt "
            "of WebVision, and there is none; add it, or leave imagenet out"
        )
    folders = [base / wordnet for wordnet, _ in synsets]
    lost = [folder.name for folder in folders if not folder.is_dir()]
    if lost:
        raise InvalidInput(
            f"{base} has no folder for {len(lost)} of {len(synsets)} classes, "
            f"the first is {lost[0]}; {IMAGENET_LAYOUT}"
        )
    images = [find_images(folder, IMAGENET_LAYOUT) for folder in folders]
    paths = [str(path) for found in images for path in found]
    labels = [label for label, found in enumerate(images) for _ in found]
    listing = FileList(str(base), paths, labels, range(len(paths)))
    return {"imagenet": file_list_source([listing], names, verify, cache, "")}
