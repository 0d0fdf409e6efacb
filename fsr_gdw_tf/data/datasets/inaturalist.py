"""iNaturalist 2018 as the competition publishes it: images and JSON files.

TFDS has the same images (`tfds_images`); this reads them where they lie.
"""

import json
from pathlib import Path

import gin

from fsr_gdw_tf.data.datasets.image_files import file_list_source
from fsr_gdw_tf.data.file_lists import FileList, open_list, require_folder
from fsr_gdw_tf.data.splits import Splits
from fsr_gdw_tf.errors import InvalidInput

LAYOUT = (
    "expected iNaturalist 2018 as the page of the competition "
    "(visipedia/inat_comp) offers it: train2018.json, val2018.json and "
    "train_val2018/ in one folder"
)


@gin.register
def inaturalist_files(
    root: str, verify: bool = False, cache: bool | float = False
) -> Splits:
    """iNaturalist 2018: train2018.json trains, val2018.json tests."""
    base = require_folder(root, LAYOUT)
    train, test = (
        (str(base / name), _read(str(base / name)))
        for name in ("train2018.json", "val2018.json")
    )
    ids, names = _categories(*train)
    number = {category: label for label, category in enumerate(ids)}
    return Splits(
        *(
            file_list_source(
                [_listing(base, *part, number)], names, verify, cache, LAYOUT
            )
            for part in (train, test)
        )
    )


def _read(name: str) -> dict:
    with open_list(name, LAYOUT) as file:
        try:
            content = json.load(file)
        except json.JSONDecodeError as error:
            raise InvalidInput(
                f"{name} is no JSON: {error}; {LAYOUT}"
            ) from error
    lists = content if isinstance(content, dict) else {}
    for part in ("images", "annotations", "categories"):
        if not isinstance(lists.get(part), list) or not lists[part]:
            raise InvalidInput(f"{name} has no list {part!r}; {LAYOUT}")
    return content


def _column(name: str, content: dict, part: str, key: str) -> list:
    """One entry of each image, annotation or category."""
    try:
        return [entry[key] for entry in content[part]]
    except (KeyError, TypeError):
        position = next(
            i
            for i, entry in enumerate(content[part])
            if not (isinstance(entry, dict) and key in entry)
        )
        raise InvalidInput(
            f"{name}, entry {position} of {part!r}: expected {key!r}, got "
            f"{str(content[part][position])[:80]}; {LAYOUT}"
        ) from None


def _categories(name: str, content: dict) -> tuple[list, list[str]]:
    """(ids, names) in the order of the ids, which are the names of some."""
    ids = _column(name, content, "categories", "id")
    entries = dict(zip(ids, content["categories"], strict=True))
    ids = sorted(entries)
    return ids, [str(entries[i].get("name") or i) for i in ids]


def _listing(base: Path, name: str, content: dict, number: dict) -> FileList:
    """The images of a JSON file with the label of their annotation."""
    images = _column(name, content, "images", "id")
    files = _column(name, content, "images", "file_name")
    about = _column(name, content, "annotations", "image_id")
    categories = _column(name, content, "annotations", "category_id")
    category = dict(zip(about, categories, strict=True))
    odd = sorted(set(images) ^ category.keys())
    if odd:
        raise InvalidInput(
            f"{name}, image {odd[0]}: expected one entry in 'images' and one "
            f"in 'annotations', got only one of them; {LAYOUT}"
        )
    for image, label in category.items():
        if label not in number:
            raise InvalidInput(
                f"{name}, image {image}: category {label} is none of the "
                f"{len(number)} categories of train2018.json; {LAYOUT}"
            )
    paths = [f"{base}/{file}" for file in files]
    labels = [number[category[image]] for image in images]
    return FileList(name, paths, labels, images, "image")
