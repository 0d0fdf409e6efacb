"""Files written as a whole: readers see the old one or the new one."""

import contextlib
import csv
import io
import json
import os
from collections.abc import Iterator
from pathlib import Path

from fsr_gdw_tf.distribution.hosts import is_chief


def write(path: Path, text: str) -> None:
    """Replace a file as a whole: readers see the old or the new, never half.

    Of several hosts only the first one writes.
    """
    if is_chief():
        write_here(path, text)


def write_here(path: Path, text: str) -> None:
    """The same, whichever host this is."""
    with atomic_write(path) as half:
        half.write_text(text, encoding="utf-8")


@contextlib.contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """What is written to the file that this gives becomes `path` at the end."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        yield half
        with half.open("rb") as file:
            os.fsync(file.fileno())
        half.replace(path)
    finally:
        half.unlink(missing_ok=True)


def write_json(path: Path, content) -> None:
    """Write an object as readable JSON."""
    write(path, json.dumps(content, indent=2) + "\n")


def write_csv(path: Path, rows: list[dict], columns=None) -> None:
    """Write rows; columns are the first row's unless given."""
    table = io.StringIO()
    columns = columns or list(dict.fromkeys(k for row in rows for k in row))
    writer = csv.DictWriter(table, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write(path, table.getvalue())


def read_csv(path: Path) -> list[dict]:
    """Rows of a CSV file with numbers as numbers; none if there is no file."""
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return [
            {k: _number(v) for k, v in row.items() if v not in ("", None)}
            for row in csv.DictReader(file)
        ]


def _number(text: str) -> float | str:
    if text.isdecimal():
        return int(text)
    try:
        return float(text)
    except ValueError:
        return text
