"""Bad lists, folders and run folders, and what the answer to each says."""

import os
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

HEAD = "path,label\n"
TWO = "a.png,cat\nb.png,dog\n"
NO_COLUMNS = "has no column label and path; expected path,label, got"
# The content of a list beside the images a.png and b.png, and the answer.
LISTS = {
    "empty": ("", NO_COLUMNS),
    "a line break": ("\n", NO_COLUMNS),
    "no header": (TWO, NO_COLUMNS),
    "semicolons": ("path;label\na.png;cat\nb.png;dog\n", NO_COLUMNS),
    "tabs": ("path\tlabel\na.png\tcat\nb.png\tdog\n", NO_COLUMNS),
    "capitals": (f"Path,Label\n{TWO}", NO_COLUMNS),
    "spaces in the header": (f"path , label \n{TWO}", NO_COLUMNS),
    "JSON": ('{"path": "a.png", "label": "cat"}\n', NO_COLUMNS),
    "no label column": ("path,class\na.png,cat\n", "has no column label;"),
    "no path column": ("file,label\na.png,cat\n", "has no column path;"),
    "header alone": (HEAD, "lists no image"),
    "no label": (f"{HEAD}a.png,\nb.png,dog\n", "line 2: path or label missing"),
    "no path": (f"{HEAD}a.png,cat\n,dog\n", "line 3: path or label missing"),
    "a short line": (f"{HEAD}a.png,cat\nb.png\n", "line 3: path or label"),
    "a blank label": (f"{HEAD}a.png,  \n", "line 2: path or label missing"),
    "an open quote": (
        f'{HEAD}"a.png,cat\nb.png,dog\n',
        "path or label missing",
    ),
    "negative label": (f"{HEAD}a.png,-1\nb.png,0\n", "line 2: label -1 is out"),
    "two minuses": (f"{HEAD}a.png,--1\nb.png,0\n", "line 2: label --1 is out"),
    "huge label": (
        f"{HEAD}a.png,999999999\nb.png,0\n",
        "means 1,000,000,000 classes, but there are 2 examples",
    ),
    "label of 30 digits": (f"{HEAD}a.png,{'9' * 30}\n", "of 30 digits is out"),
    "one class": (f"{HEAD}a.png,cat\nb.png,cat\n", "at least 2 classes, got 1"),
    "missing file": (f"{HEAD}a.png,cat\nc.png,dog\n", "line 3: no file"),
    "missing folder": (f"{HEAD}a.png,cat\nno/b.png,dog\n", "line 3: no file"),
    "a folder": (f"{HEAD}a.png,cat\nphotos,dog\n", "line 3: no file"),
    "a pipe": (f"{HEAD}a.png,cat\npipe,dog\n", "line 3: no file"),
    "a device": (f"{HEAD}a.png,cat\n/dev/zero,dog\n", "line 3: no file"),
    "NUL in a path": (f"{HEAD}a.png,cat\nb\0.png,dog\n", "line 3: no file"),
    "a long path": (f"{HEAD}a.png,cat\n{'b' * 5000},dog\n", "line 3: no file"),
    "a long cell": (f"{HEAD}{'b' * 200_000},dog\n", "is no CSV list"),
    "Latin-1": (f"{HEAD}a.png,caf\xe9\n".encode("latin-1"), "is not UTF-8"),
    "UTF-16": (f"{HEAD}{TWO}".encode("utf-16"), "is not UTF-8"),
    "an image": (b"\x89PNG\r\n\x1a\n\xff\xfe\0\0", "is not UTF-8"),
    "no images": (
        HEAD + "".join(f"n{i}.png,{i % 2}\n" for i in range(20)),
        "none of 18 images can be read",
    ),
    "weight a text": (
        "path,label,weight\na.png,cat,much\nb.png,dog,1\n",
        "must be numbers of 0 or more",
    ),
    "weight negative": (
        "path,label,weight\na.png,cat,-1\nb.png,dog,1\n",
        "must be numbers of 0 or more",
    ),
    "weight NaN": (
        "path,label,weight\na.png,cat,nan\nb.png,dog,1\n",
        "must be numbers of 0 or more",
    ),
    "weight infinite": (
        "path,label,weight\na.png,cat,1e999\nb.png,dog,1\n",
        "must be numbers of 0 or more",
    ),
    "weight missing": (
        "path,label,weight\na.png,cat\nb.png,dog,1\n",
        "must be numbers of 0 or more",
    ),
}
TEXT_LISTS = {
    "no label": ("a.png\nb.png 1\n", "line 1: path or label missing"),
    "commas": ("a.png,0\nb.png,1\n", "line 1: path or label missing"),
    "blank": ("\n\n \n", "lists no image"),
    "empty": ("", "lists no image"),
    "missing file": ("a.png 0\n\nc.png 1\n", "line 3: no file"),
    "negative": ("a.png 0\nb.png -1\n", "line 2: label -1 is out of range"),
    "Latin-1": ("a.png caf\xe9\n".encode("latin-1"), "is not UTF-8"),
}


def write_images(folder: Path) -> None:
    """Write what the lists name: two images, texts, a folder, a pipe."""
    for shade, name in enumerate(("a.png", "b.png")):
        Image.new("RGB", (4, 4), (shade,) * 3).save(folder / name)
    for i in range(20):
        (folder / f"n{i}.png").write_text("this is no image")
    (folder / "photos").mkdir()
    os.mkfifo(folder / "pipe")


def write_tree(folder: Path, *names: str) -> None:
    """Write images and, where a name ends with a slash, folders."""
    for name in names:
        path = folder / name
        if name.endswith("/"):
            path.mkdir(parents=True)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (4, 4)).save(path)


def _broken(folder: Path) -> None:
    write_tree(folder, "cat/", "dog/")
    for name in (
        f"{kind}/{i}.jpg" for kind in ("cat", "dog") for i in range(10)
    ):
        (folder / name).write_bytes(b"\xff\xd8\xff\xe0broken")


def _not_utf8(folder: Path) -> None:
    write_tree(folder, "cat/a.png", "dog/b.png")
    os.rename(folder / "dog", os.fsencode(folder) + b"/d\xf6g")


# What is made of an empty folder, and the answer to training on it.
FOLDERS: dict[str, tuple[Callable[[Path], None], str]] = {
    "missing": (lambda f: f.rmdir(), "no such data folder"),
    "empty": (lambda f: None, "has 0 class folder(s), at least 2"),
    "images alone": (
        lambda f: write_tree(f, "a.png", "b.png"),
        "has 0 class folder(s), at least 2 are needed",
    ),
    "one class": (
        lambda f: write_tree(f, "cat/a.png", "cat/b.png"),
        "has 1 class folder(s), at least 2 are needed",
    ),
    "hidden classes": (
        lambda f: write_tree(f, ".cat/a.png", ".dog/b.png"),
        "has 0 class folder(s), at least 2 are needed",
    ),
    "a class without images": (
        lambda f: write_tree(f, "cat/a.png", "dog/"),
        "dog has no image; expected <root>/<class name>/",
    ),
    "no image inside": (_broken, "none of 18 images can be read"),
    "a name that is not UTF-8": (_not_utf8, "is not UTF-8; rename it"),
    "an empty train folder": (
        lambda f: write_tree(f, "train/", "test/cat/a.png"),
        "has 0 class folder(s), at least 2 are needed",
    ),
    "a test class that is new": (
        lambda f: write_tree(
            f, *("train/cat/a.png", "train/dog/b.png", "test/cow/c.png")
        ),
        "has class folders that the training folder lacks: cow",
    ),
    "an empty test folder": (
        lambda f: write_tree(f, "train/cat/a.png", "train/dog/b.png", "test/"),
        "has 0 class folder(s), at least 2 are needed",
    ),
    "too few to hold out": (
        lambda f: write_tree(f, "cat/a.png", "dog/b.png"),
        "the test set must have 1 to 1 of the 2 examples, got 0",
    ),
}


def _table(**columns) -> Callable[[Path], None]:
    """Return a function that writes a labels.parquet of these columns."""

    def make(folder: Path) -> None:
        (folder / "config.gin").write_text("EPOCHS = 1\n")
        pq.write_table(pa.table(columns), folder / "labels.parquet")

    return make


def _records(content: bytes) -> Callable[[Path], None]:
    """Return a function that writes a labels.parquet of these bytes."""

    def make(folder: Path) -> None:
        (folder / "config.gin").write_text("EPOCHS = 1\n")
        (folder / "labels.parquet").write_bytes(content)

    return make


NO_RUN = "which has no config.gin"
DAMAGED = "labels.parquet is damaged, or not what its name says"
# What is made of an empty folder, and the answer of the report command.
RUNS: dict[str, tuple[Callable[[Path], None], str]] = {
    "missing": (lambda f: f.rmdir(), NO_RUN),
    "empty": (lambda f: None, NO_RUN),
    "other files": (lambda f: write_tree(f, "a.png"), NO_RUN),
    "no records": (
        lambda f: (f / "config.gin").write_text("EPOCHS = 1\n"),
        "has no labels.parquet: the run has not finished its first",
    ),
    "empty records": (_records(b""), DAMAGED),
    "records of text": (_records(b"name,given\na,0\n"), DAMAGED),
    "records cut off": (_records(b"PAR1\x15\x04\x15"), DAMAGED),
    "magic alone": (_records(b"PAR1" + bytes(8) + b"PAR1"), DAMAGED),
    "an empty table": (_table(), DAMAGED),
    "another table": (_table(x=[1.0, 2.0]), DAMAGED),
    "no predictions": (_table(name=["a"], given=[0]), DAMAGED),
    "labels of text": (_table(name=["a"], given=["cat"]), DAMAGED),
}
