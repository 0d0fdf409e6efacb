"""Lists of files: what stands in which line, and whether the files exist."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from fsr_gdw_tf.errors import INF, InvalidInput


class FileList(NamedTuple):
    """Files with a label each, and where the list names them."""

    name: str
    paths: list[str]
    labels: list
    lines: Sequence[int]
    unit: str = "line"

    def where(self, position: int) -> str:
        """What a person looks for in the list."""
        return f"{self.name}, {self.unit} {self.lines[position]}"


def require_folder(root: str | Path | None, layout: str) -> Path:
    """The folder of a data set, refused if it is not there."""
    if not root or not Path(root).is_dir():
        raise InvalidInput(f"no such data folder: {str(root)!r}; {layout}")
    return Path(root)


@contextmanager
def open_list(name: str, layout: str) -> Iterator:
    """A list, open as text."""
    if not name or not os.path.isfile(name):
        raise InvalidInput(f"no such file list: {name!r}; {layout}")
    try:
        # Spreadsheets put a byte order mark in front.
        with open(name, newline="", encoding="utf-8-sig") as lines:
            yield lines
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{name} is not UTF-8: {error}") from error


def read_lines(name: str, layout: str) -> Iterator[tuple[int, str]]:
    """(line, text) of all lines that are not empty."""
    with open_list(name, layout) as lines:
        for line, text in enumerate(lines, 1):
            if text.strip():
                yield line, text.strip()


def read_labelled_paths(
    name: str, layout: str, classes: float = INF
) -> Iterator[tuple[int, str, int]]:
    """(line, path, label) where each line is `path label`."""
    for line, text in read_lines(name, layout):
        parts = text.rsplit(maxsplit=1)
        if len(parts) < 2 or not parts[1].isdecimal():
            raise InvalidInput(
                f"{name}, line {line}: expected a path and the number of a "
                f"class, got {text[:80]!r}; write them apart by a space"
            )
        if int(parts[1]) >= classes:
            raise InvalidInput(
                f"{name}, line {line}: label {parts[1]} is out of range; "
                f"expected 0 to {classes - 1}, as {classes} classes have names"
            )
        yield line, parts[0], int(parts[1])


def find_missing(paths: Sequence[str]) -> list[int]:
    """Positions of paths that are no files; each folder is read once."""
    folders: dict[str, set[str]] = {}
    lost = []
    for position, path in enumerate(paths):
        folder, name = os.path.split(path)
        if folder not in folders:
            folders[folder] = _files_in(folder or ".")
        # Asking costs time, but some disks do not mind capitals.
        if name not in folders[folder] and not os.path.isfile(path):
            lost.append(position)
    return lost


def _files_in(folder: str) -> set[str]:
    try:
        with os.scandir(folder) as entries:
            return {entry.name for entry in entries if entry.is_file()}
    except OSError:
        return set()


def require_files(listing: FileList, advice: str) -> None:
    """Refuse a list of files that do not all exist."""
    lost = find_missing(listing.paths)
    if lost:
        raise InvalidInput(
            f"{listing.where(lost[0])}: no file {listing.paths[lost[0]]}, the "
            f"first of {len(lost)} file(s) that do not exist; {advice}"
        )
