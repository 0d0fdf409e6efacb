"""Text files that list data files, one per line, and checks of both."""

import csv
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, TextIO

from fsr_gdw_tf.errors import INF, InvalidInput
from fsr_gdw_tf.io.spreadsheet import restore

MAX_DIGITS = 18  # of a class number, which is kept in 64 bits
LIST_LAYOUT = "expected a CSV with the columns path,label"


class FileList(NamedTuple):
    """Paths and labels of files, with their positions in the list.

    name: path of the list itself.
    labels: a class index or name per file.
    numbers: the position of each entry in the list, for error messages.
    unit: what `numbers` count, such as "line".
    """

    name: str
    paths: list[str]
    labels: list
    numbers: Sequence[int]
    unit: str = "line"

    def location(self, index: int) -> str:
        """Return where an entry stands in the list, for error messages."""
        return f"{self.name}, {self.unit} {self.numbers[index]}"


def require_folder(root: str | Path | None, layout: str) -> Path:
    """Return a data set's folder as a path; raise if it does not exist."""
    if not root:
        raise InvalidInput(f"set DATA_DIR, the folder of the data: {layout}")
    if not Path(root).is_dir():
        raise InvalidInput(f"no such data folder: {str(root)!r}; {layout}")
    return Path(root)


@contextmanager
def open_list(name: str, layout: str) -> Iterator[TextIO]:
    """Open a list as UTF-8 text; raise an error that explains the layout."""
    if not name or not os.path.isfile(name):
        raise InvalidInput(f"no such file list: {name!r}; {layout}")
    try:
        # Spreadsheet programs write a byte order mark (hence "-sig").
        with open(name, newline="", encoding="utf-8-sig") as lines:
            yield lines
    except UnicodeDecodeError as error:
        raise InvalidInput(
            f"{name} is not UTF-8, save it as UTF-8: {error}"
        ) from error
    except csv.Error as error:
        raise InvalidInput(
            f"{name} is no CSV list ({error}); {layout}"
        ) from error


def read_lines(name: str, layout: str) -> Iterator[tuple[int, str]]:
    """Yield (line number, text) of each line that is not blank."""
    with open_list(name, layout) as lines:
        for number, text in enumerate(lines, 1):
            if text.strip():
                yield number, text.strip()


def read_labelled_paths(
    name: str, layout: str, classes: float = INF
) -> Iterator[tuple[int, str, int]]:
    """Yield (line number, path, class index) of lines `path label`."""
    for number, text in read_lines(name, layout):
        parts = text.rsplit(maxsplit=1)
        if len(parts) < 2 or not is_class_number(parts[1]):
            raise InvalidInput(
                f"{name}, line {number}: expected a path and the number of a "
                f"class, separated by a space, got {text[:80]!r}"
            )
        if int(parts[1]) >= classes:
            raise InvalidInput(
                f"{name}, line {number}: label {parts[1]} is out of range; "
                f"expected 0 to {classes - 1} for {classes} named classes"
            )
        yield number, parts[0], int(parts[1])


def find_missing(paths: Sequence[str]) -> list[int]:
    """Return the indices of paths that are not files.

    Each folder is listed once: that is much faster than a query per file.
    """
    folders: dict[str, set[str]] = {}
    missing = []
    for index, path in enumerate(paths):
        folder, name = os.path.split(path)
        if folder not in folders:
            folders[folder] = _files_in(folder or ".")
        # isfile as well: some file systems ignore upper and lower case.
        if name not in folders[folder] and not os.path.isfile(path):
            missing.append(index)
    return missing


def regular_files(folder: str | Path) -> Iterator[str]:
    """Yield the files in a folder and its subfolders, no pipes or devices."""
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except PermissionError:
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield from regular_files(entry.path)
        elif entry.is_file():
            yield entry.path


def is_utf8(path: str | Path) -> bool:
    """Return whether a path can be given to TensorFlow, and be written."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return False
    return True


def display(path: str | Path) -> str:
    """Return a path with the bytes that are not UTF-8 as escapes."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _files_in(folder: str) -> set[str]:
    """Return the names of the files in a folder, none if it is missing."""
    try:
        with os.scandir(folder) as entries:
            return {entry.name for entry in entries if entry.is_file()}
    except OSError:
        return set()


def require_files(file_list: FileList, advice: str) -> None:
    """Raise unless all files of a list exist."""
    missing = find_missing(file_list.paths)
    if missing:
        first = missing[0]
        raise InvalidInput(
            f"{file_list.location(first)}: no file {file_list.paths[first]}, "
            f"the first of {len(missing)} file(s) that do not exist; {advice}"
        )


def read_file_list(name: str, root: str | None) -> FileList:
    """Return the entries of a CSV, or of a text file of lines `path label`.

    root: where relative paths start; None: the folder of the list.
    """
    parse = _parse_csv if Path(name).suffix.lower() == ".csv" else _parse_text
    with open_list(name, LIST_LAYOUT) as lines:
        rows = list(parse(name, lines))
    if not rows:
        raise InvalidInput(f"{name} lists no image; {LIST_LAYOUT}")
    base = Path(root) if root else Path(name).parent
    numbers, paths, labels = zip(*rows, strict=True)
    paths = [str(base / path) for path in paths]
    return FileList(name, paths, list(labels), numbers)


def _parse_csv(
    name: str, lines: Iterable[str]
) -> Iterator[tuple[int, str, str]]:
    """Yield (line number, path, label) of each row of a CSV."""
    reader = csv.DictReader(lines)
    missing = {"path", "label"} - set(reader.fieldnames or [])
    if missing:
        raise InvalidInput(
            f"{name} has no column {' and '.join(sorted(missing))}; "
            f"expected path,label, got {','.join(reader.fieldnames or [])}"
        )
    for row in reader:
        label = row["label"] if row["path"] else ""
        number = reader.line_num
        path, label = restore(row["path"] or ""), restore(label or "")
        yield number, path, _parse_label(name, number, label)


def _parse_text(
    name: str, lines: Iterable[str]
) -> Iterator[tuple[int, str, str]]:
    """Yield (line number, path, label) of each line `path label`."""
    for number, line in enumerate(lines, 1):
        if line.strip():
            path, _, label = line.strip().rpartition(" ")
            label = label if path else ""
            yield number, path, _parse_label(name, number, label)


def _parse_label(name: str, line: int, label: str | None) -> str:
    """Return a class name, or a number without leading zeros."""
    label = (label or "").strip()
    if not label:
        raise InvalidInput(
            f"{name}, line {line}: path or label missing; expected path,label"
        )
    if label.lstrip("-").isdecimal() and label.startswith("-"):
        raise InvalidInput(
            f"{name}, line {line}: label {label} is out of range; numbers "
            "start at 0"
        )
    if label.isdecimal() and not is_class_number(label):
        raise InvalidInput(
            f"{name}, line {line}: label {label[:20]}... of {len(label)} "
            "digits is out of range; number the classes from 0"
        )
    return str(int(label)) if label.isdecimal() else label


def is_class_number(text: str) -> bool:
    """Return whether a text is a number that can be a class index."""
    return text.isdecimal() and len(text) <= MAX_DIGITS
