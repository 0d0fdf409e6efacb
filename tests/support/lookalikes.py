"""Data sets that lie on disk like the real ones, of a few kilobytes.

Each image has one shade of grey, so what was read can be recognised. What a
list says about its images is known here: (path, label, shade) for each line.
"""

import json
import random
from pathlib import Path

from PIL import Image

WEBVISION_CLASSES = 60
CLOTHING = (
    *("T-Shirt", "Shirt", "Knitwear", "Chiffon", "Sweater", "Hoodie"),
    *("Windbreaker", "Jacket", "Down Coat", "Suit", "Shawl", "Dress"),
    *("Vest", "Underwear"),
)
INATURALIST = {7: "Turdus merula", 2: "Pinus nigra", 40: "Bufo bufo"}


def paint(path: Path, shade: int) -> None:
    """Save an image of one shade of grey."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (10, 12), (shade,) * 3).save(path)


def write_list(file: Path, lines) -> None:
    """Write a text file with these lines."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(f"{line}\n" for line in lines))


def shuffled(rows, seed: int = 0) -> list:
    """Return the rows in another order, which `seed` decides."""
    return random.Random(seed).sample(list(rows), len(rows))


def wordnet(label: int) -> str:
    """Return the wordnet id of a class."""
    return f"n{1440764 + 13 * label:08d}"


def webvision_rows() -> tuple[list, list]:
    """Return two training images and one validation image per class."""
    classes = range(WEBVISION_CLASSES)
    train = [
        (f"google/q{1 + c // 3:04d}/{c}_{n}.jpg", c, 4 * c + n)
        for c in classes
        for n in (0, 1)
    ]
    held = [(f"val{c:06d}.jpg", c, 4 * c + 2) for c in classes]
    return shuffled(train), shuffled(held)


def webvision(folder: Path) -> None:
    """Write WebVision 1.0 with 60 classes, two of them named crane."""
    train, held = webvision_rows()
    for path, _, shade in train:
        paint(folder / path, shade)
    for path, _, shade in held:
        paint(folder / "val_images_256" / path, shade)
    info = folder / "info"
    for name, rows in (
        ("train_filelist_google", train),
        ("val_filelist", held),
    ):
        lines = [f"{path} {label}" for path, label, _ in rows]
        write_list(info / f"{name}.txt", lines)
    names = [f"thing {c}, object {c}" for c in range(WEBVISION_CLASSES)]
    names[3] = names[55] = "crane"
    lines = [f"{wordnet(c)} {name}" for c, name in enumerate(names)]
    write_list(info / "synsets.txt", lines)


def imagenet(folder: Path) -> None:
    """Write validation images of WebVision's classes: shade 4 label + 3.

    The folders are made in another order, and class 5 has two images.
    """
    for c in reversed(range(WEBVISION_CLASSES)):
        paint(folder / wordnet(c) / f"ILSVRC2012_val_{c:08d}.JPEG", 4 * c + 3)
    paint(folder / wordnet(5) / "ILSVRC2012_val_00000999.JPEG", 23)
    paint(folder / "n00000001" / "ILSVRC2012_val_00000998.JPEG", 255)


def inaturalist_rows() -> tuple[list, list]:
    """Return six training and two validation images per class."""
    rows = [
        (f"train_val2018/Life/{category}/{c}_{n}.jpg", category, 60 * c + n)
        for c, category in enumerate(INATURALIST)
        for n in range(8)
    ]
    train = [row for row in rows if row[2] % 60 < 6]
    held = [row for row in rows if row[2] % 60 >= 6]
    return shuffled(train), shuffled(held)


def inaturalist_files(folder: Path) -> None:
    """Write iNaturalist 2018 with three classes whose ids have gaps."""
    parts = zip(("train2018", "val2018"), inaturalist_rows(), strict=True)
    for name, rows in parts:
        for path, _, shade in rows:
            paint(folder / path, shade)
        images, annotations = [], []
        for i, (path, category, _) in enumerate(rows):
            images.append({"id": 100 + i, "file_name": path})
            about = {"image_id": 100 + i, "category_id": category}
            annotations.append({"id": 900 + i, **about})
        content = {
            "info": {"year": 2018},
            "images": images,
            "annotations": shuffled(annotations, seed=1),
            "categories": [
                {"id": i, "name": name, "supercategory": "Life"}
                for i, name in INATURALIST.items()
            ],
        }
        (folder / f"{name}.json").write_text(json.dumps(content))


def clothing1m_rows() -> dict[str, list]:
    """Return the key lists: four noisy images a class, one clean in each.

    Noisy labels are one too high in a quarter of the cases.
    """
    classes = range(len(CLOTHING))

    def image(c, n):
        return f"images/{n}/{c:02d}/{c},{100 + n}.jpg", c, 16 * c + n

    def noisy(c, n):
        path, label, shade = image(c, n)
        return path, (label + (n == 0)) % len(CLOTHING), shade

    rows = {"noisy_train": [noisy(c, n) for c in classes for n in range(4)]}
    for n, part in enumerate(("clean_train", "clean_val", "clean_test"), 4):
        rows[part] = [image(c, n) for c in classes]
    return {part: shuffled(lines) for part, lines in rows.items()}


def clothing1m(folder: Path, lists: str = "") -> None:
    """Write Clothing1M; clean validation images have a wrong label, too."""
    rows = clothing1m_rows()
    for part, lines in rows.items():
        for key, _, shade in lines:
            paint(folder / key, shade)
        keys = [key for key, _, _ in lines]
        write_list(folder / lists / f"{part}_key_list.txt", keys)
    both = [(key, (c + 5) % 14, shade) for key, c, shade in rows["clean_val"]]
    clean = rows["clean_train"] + rows["clean_val"] + rows["clean_test"]
    labels = {"noisy": both + rows["noisy_train"], "clean": clean}
    for kind, pairs in labels.items():
        lines = [f"{key} {label}" for key, label, _ in shuffled(pairs, seed=1)]
        write_list(folder / lists / f"{kind}_label_kv.txt", lines)
    write_list(folder / lists / "category_names_eng.txt", CLOTHING)
