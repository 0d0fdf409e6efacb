"""Images in files: a folder per class, or a list of paths and labels."""

import csv
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import gin
import numpy as np
import tensorflow as tf

from fsr_gdw_tf.data.source import Source
from fsr_gdw_tf.data.splits import Splits, hold_out
from fsr_gdw_tf.errors import BadInput

SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".gif"}
LAYOUT = "expected <root>/<class name>/<image>.jpg (or .png, .bmp, .gif)"


class FileReader:
    """Images decoded from files, each in its own size."""

    batched = False

    def __init__(self, paths: Sequence[Path]):
        self.paths = [str(p) for p in paths]

    def fetch(self, row: tf.Tensor) -> tf.Tensor:
        """The image at a row, as bytes `[height, width, 3]`."""
        with tf.init_scope():  # captured, not copied into every graph
            paths = tf.constant(self.paths)
        path = tf.gather(paths, row)
        return decode(tf.io.read_file(path))

    def name(self, row: int) -> str:
        """The path of this image."""
        return self.paths[row]


def decode(contents: tf.Tensor) -> tf.Tensor:
    """An image of any common format as RGB bytes."""
    image = tf.io.decode_image(contents, 3, expand_animations=False)
    image.set_shape([None, None, 3])
    return image


def unreadable(paths: Sequence[Path]) -> dict[int, str]:
    """Decode every file once: {position: why it cannot be decoded}."""

    def why(path: Path) -> str | None:
        try:
            decode(tf.io.read_file(str(path)))
        except (tf.errors.OpError, ValueError) as error:
            return str(error).splitlines()[0][:200]
        return None

    with ThreadPoolExecutor() as pool:
        reasons = pool.map(why, paths)
    return {i: reason for i, reason in enumerate(reasons) if reason}


def _source(paths, labels, class_names, verify) -> Source:
    """A source of files, those that cannot be decoded left out and listed."""
    bad = unreadable(paths) if verify else {}
    good = [i for i in range(len(paths)) if i not in bad]
    if not good:
        raise BadInput(
            f"none of the {len(paths)} images can be decoded, e.g. "
            f"{paths[0]}: {bad[0]}"
        )
    return Source(
        FileReader([paths[i] for i in good]),
        np.array([labels[i] for i in good]),
        class_names,
        unreadable=[(str(paths[i]), reason) for i, reason in bad.items()],
    )


@gin.register
def folder(
    root: str,
    test_root: str | None = None,
    test_share: float = 0.1,
    verify: bool = True,
    seed: int = 0,
) -> Splits:
    """Images in `root/<class>/`; tests come from `test_root` or are held out.

    `root/train` and `root/test` (or `root/val`) are used when they exist.
    """
    base = Path(root)
    if not root or not base.is_dir():
        raise BadInput(f"no such data folder: {str(root)!r}; {LAYOUT}")
    if (base / "train").is_dir():
        held = [base / n for n in ("test", "val") if (base / n).is_dir()]
        test_root = test_root or (held[0] if held else None)
        base = base / "train"
    train = _folder_source(base, None, verify)
    if test_root is None:
        return Splits(*hold_out(train, round(test_share * len(train)), seed))
    test = _folder_source(Path(test_root), train.class_names, verify)
    return Splits(train, test)


def _folder_source(base: Path, class_names, verify) -> Source:
    if not base.is_dir():
        raise BadInput(f"no such data folder: {str(base)!r}; {LAYOUT}")
    folders = sorted(d for d in base.iterdir() if d.is_dir())
    folders = [d for d in folders if not d.name.startswith(".")]
    found = [d.name for d in folders]
    class_names = class_names or found
    unknown = sorted(set(found) - set(class_names))
    if unknown:
        raise BadInput(
            f"{base} holds classes that the training folder has not: "
            f"{', '.join(unknown[:5])}"
        )
    if len(found) < 2:
        raise BadInput(
            f"{base} holds {len(found)} class folder(s), at least 2 are "
            f"needed; {LAYOUT}"
        )
    number = {name: c for c, name in enumerate(class_names)}
    paths, labels = [], []
    for d in folders:
        images = sorted(p for p in d.rglob("*") if p.suffix.lower() in SUFFIXES)
        if not images:
            raise BadInput(f"class folder {d} has no image; {LAYOUT}")
        paths += images
        labels += [number[d.name]] * len(images)
    return _source(paths, labels, class_names, verify)


@gin.register
def file_list(
    train_list: str,
    test_list: str | None = None,
    meta_list: str | None = None,
    root: str | None = None,
    test_share: float = 0.1,
    verify: bool = True,
    seed: int = 0,
) -> Splits:
    """Images listed in a CSV with the columns `path,label`, or in a text file
    with `path label` on each line. Relative paths start at `root`, which is
    the list's own folder unless given. Labels are names or numbers.
    """
    paths, labels = _read_list(train_list, root)
    names = _class_names(labels)
    train = _list_source(train_list, paths, labels, names, verify)
    meta = test = None
    if meta_list is not None:
        listed = _read_list(meta_list, root)
        meta = _list_source(meta_list, *listed, names, verify)
    if test_list is None:
        train, test = hold_out(train, round(test_share * len(train)), seed)
    else:
        listed = _read_list(test_list, root)
        test = _list_source(test_list, *listed, names, verify)
    return Splits(train, test, meta)


def _list_source(name, paths, labels, class_names, verify) -> Source:
    number = {c: i for i, c in enumerate(class_names)}
    unknown = sorted({label for label in labels if label not in number})
    if unknown:
        raise BadInput(
            f"{name} has labels that the training list has not: "
            f"{', '.join(unknown[:5])}"
        )
    missing = [p for p in paths if not p.is_file()]
    if missing:
        raise BadInput(
            f"{name} lists {len(missing)} file(s) that do not exist, the first "
            f"is {missing[0]}; relative paths start at the list's folder "
            "unless root is given"
        )
    numbers = [number[label] for label in labels]
    return _source(paths, numbers, class_names, verify)


def _class_names(labels: Sequence[str]) -> list[str]:
    """Numbers count from 0 to the largest; anything else is sorted names."""
    if all(label.isdecimal() for label in labels):
        return [str(c) for c in range(max(map(int, labels)) + 1)]
    return sorted(set(labels))


def _read_list(name: str, root: str | None) -> tuple[list[Path], list[str]]:
    file = Path(name)
    if not name or not file.is_file():
        raise BadInput(
            f"no such file list: {name!r}; expected a CSV with the columns "
            "path,label"
        )
    try:
        # Spreadsheets put a byte order mark in front.
        with file.open(newline="", encoding="utf-8-sig") as lines:
            rows = list(_rows(name, lines, file.suffix.lower() == ".csv"))
    except UnicodeDecodeError as error:
        raise BadInput(f"{name} is not UTF-8: {error}") from error
    if not rows:
        raise BadInput(f"{name} lists no image")
    base = Path(root) if root else file.parent
    return [base / path for path, _ in rows], [label for _, label in rows]


def _rows(name: str, lines, is_csv: bool):
    if is_csv:
        reader = csv.DictReader(lines)
        missing = {"path", "label"} - set(reader.fieldnames or [])
        if missing:
            raise BadInput(
                f"{name} has no column {' and '.join(sorted(missing))}; "
                f"expected path,label, got {','.join(reader.fieldnames or [])}"
            )
        for row in reader:
            label = row["label"] if row["path"] else ""
            yield row["path"], _label(name, reader.line_num, label)
        return
    for number, line in enumerate(lines, 1):
        if line.strip():
            path, _, label = line.strip().rpartition(" ")
            yield path, _label(name, number, label if path else "")


def _label(name: str, line: int, label: str | None) -> str:
    label = (label or "").strip()
    if not label:
        raise BadInput(
            f"{name}, line {line}: no path or no label; expected path,label"
        )
    if label.lstrip("-").isdecimal() and label.startswith("-"):
        raise BadInput(
            f"{name}, line {line}: label {label} is out of range; numbers "
            "start at 0"
        )
    return str(int(label)) if label.isdecimal() else label
