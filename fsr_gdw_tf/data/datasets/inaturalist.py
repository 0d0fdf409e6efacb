"""iNaturalist 2018 in the layout of its competition: images and JSON files.

`tfds_images` has the same images; this loader needs no second copy of them.
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
    """Return splits: train2018.json for training, val2018.json for tests."""
    base = require_folder(root, LAYOUT)
    train, test = (
        (str(base / name), _read(str(base / name)))
        for name in ("train2018.json", "val2018.json")
    )
    ids, names = _categories(*train)
    class_index = {category: c for c, category in enumerate(ids)}
    return Splits(
        *(
            file_list_source(
                [_file_list(base, *part, class_index)],
                names,
                verify,
                cache,
                LAYOUT,
            )
            for part in (train, test)
        )
    )


def _read(name: str) -> dict:
    """Return the content of an annotation file; raise unless it is valid."""
    with open_list(name, LAYOUT) as file:
        try:
            content = json.load(file)
        except json.JSONDecodeError as error:
            raise InvalidInput(
                f"{name} is not valid JSON: {error}; {LAYOUT}"
            ) from error
    lists = content if isinstance(content, dict) else {}
    for part in ("images", "annotations", "categories"):
        if not isinstance(lists.get(part), list) or not lists[part]:
            raise InvalidInput(f"{name} has no list {part!r}; {LAYOUT}")
    return content


def _column(name: str, content: dict, part: str, key: str) -> list:
    """Return the value of a key in each image, annotation or category."""
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
    """Return (ids, names) of the classes, sorted by id.

    The published files hold no names: then the id is the name.
    """
    ids = _column(name, content, "categories", "id")
    entries = dict(zip(ids, content["categories"], strict=True))
    ids = sorted(entries)
    return ids, [str(entries[i].get("name") or i) for i in ids]


def _file_list(
    base: Path, name: str, content: dict, class_index: dict
) -> FileList:
    """Return the images of a JSON file with the labels of their annotations."""
    images = _column(name, content, "images", "id")
    files = _column(name, content, "images", "file_name")
    annotated = _column(name, content, "annotations", "image_id")
    categories = _column(name, content, "annotations", "category_id")
    category = dict(zip(annotated, categories, strict=True))
    unmatched = sorted(set(images) ^ category.keys())
    if unmatched:
        raise InvalidInput(
            f"{name}, image {unmatched[0]}: expected one entry in 'images' and "
            f"one in 'annotations', got only one of them; {LAYOUT}"
        )
    for image, label in category.items():
        if label not in class_index:
            raise InvalidInput(
                f"{name}, image {image}: category {label} is not one of the "
                f"{len(class_index)} categories of train2018.json; {LAYOUT}"
            )
    paths = [f"{base}/{file}" for file in files]
    labels = [class_index[category[image]] for image in images]
    return FileList(name, paths, labels, images, "image")
