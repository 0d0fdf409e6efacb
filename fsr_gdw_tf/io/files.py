"""Read and write files; a reader never sees one half written."""

import contextlib
import csv
import json
import math
import os
import re
import secrets
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa

from fsr_gdw_tf.distribution.hosts import is_chief
from fsr_gdw_tf.errors import InvalidInput, first_line
from fsr_gdw_tf.io.spreadsheet import neutralise, restore

# What reading a damaged file raises: wrong bytes, a missing key, a list in the
# place of a number, brackets without end.
DAMAGE = (
    *(ArithmeticError, AttributeError, LookupError, MemoryError, OSError),
    *(RecursionError, TypeError, ValueError, csv.Error, pa.ArrowException),
)
TEMPORARY = re.compile(r"\.[0-9a-f]{16}\.tmp\..+")  # see atomic_write


def write(path: Path, text: str) -> None:
    """Write a text file atomically; of several hosts only the first writes."""
    if is_chief():
        write_here(path, text)


def write_here(path: Path, text: str) -> None:
    """Write a text file atomically, on whichever host this is."""
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


@contextlib.contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Yield a temporary path; at the end the file there replaces `path`."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # Not to be guessed: a link of that name would be written through.
    temporary = path.with_name(f".{secrets.token_hex(8)}.tmp.{path.name}")
    try:
        yield temporary
        # Or a crash of the machine could leave an empty file in its place.
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def remove_temporaries(folder: Path) -> None:
    """Remove what writers that were killed have left in a folder.

    Only while no other process can be writing there.
    """
    for path in folder.rglob("*"):
        if path.is_file() and TEMPORARY.fullmatch(path.name):
            path.unlink(missing_ok=True)


def write_json(path: Path, content: object) -> None:
    """Write an object as indented JSON; numbers that are not finite as null."""
    content = _without_nan(content)
    write(path, json.dumps(content, indent=2, allow_nan=False) + "\n")


def _without_nan(content: object) -> object:
    if isinstance(content, dict):
        return {k: _without_nan(v) for k, v in content.items()}
    if isinstance(content, list | tuple):
        return [_without_nan(v) for v in content]
    is_nan = isinstance(content, float) and not math.isfinite(content)
    return None if is_nan else content


def read_json(path: Path) -> dict:
    """Return the object in a JSON file; an empty one without a file."""
    if not path.is_file():
        return {}
    with one_line_errors(path):
        content = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(content, dict):
            raise ValueError(f"got a {type(content).__name__}")
    return content


@contextlib.contextmanager
def one_line_errors(path: Path, remedy: str = "train again") -> Iterator[None]:
    """Turn what the content of a damaged file raises into one line."""
    try:
        yield
    except InvalidInput:
        raise
    except DAMAGE as error:
        raise InvalidInput(
            f"{path} is damaged, or not what its name says "
            f"({first_line(error)}); {remedy}"
        ) from error


def require_inside(folder: Path, path: Path) -> Path:
    """Return a path; raise if links lead it out of the folder.

    Who made the folder would choose which file elsewhere is overwritten.
    """
    if not path.resolve().is_relative_to(folder.resolve()):
        raise InvalidInput(
            f"{path} is a link to {path.resolve()}, outside of {folder}, and "
            "would be written to; remove the link"
        )
    return path


def write_csv(
    path: Path, rows: list[dict], columns: Sequence[str] | None = None
) -> None:
    """Write rows as CSV; columns are those of all rows unless given.

    Texts are neutralised, see `spreadsheet`.
    """
    columns = columns or list(dict.fromkeys(k for row in rows for k in row))
    write(path, _csv_text([{name: name for name in columns}, *rows], columns))


def append_csv(path: Path, rows: list[dict], columns: Sequence[str]) -> None:
    """Append rows to a CSV file; on return they are on the disk.

    If that fails, as on a full disk, the file is as it was before.
    """
    # Without a buffer, whose rest would be written when the file is closed.
    with path.open("ab+", buffering=0) as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(size - 1, 0))
        newline = "" if file.read(1) in (b"", b"\n") else "\n"
        data = (newline + _csv_text(rows, columns)).encode()
        try:
            while data:
                data = data[file.write(data) :]
            os.fsync(file.fileno())
        except OSError:
            os.truncate(path, size)
            raise


def _csv_text(rows: list[dict], columns: Sequence[str]) -> str:
    """Return the lines of rows, neutralised."""
    lines = []
    # csv quotes a carriage return only if the end of lines has one.
    table = SimpleNamespace(write=lambda line: lines.append(line[:-2] + "\n"))
    writer = csv.DictWriter(table, columns, lineterminator="\r\n")
    writer.writerows(
        [{k: neutralise(v) for k, v in row.items()} for row in rows]
    )
    return "".join(lines)


def read_csv(path: Path) -> list[dict]:
    """Return the rows of a CSV file, numbers parsed; none without a file."""
    if not path.is_file():
        return []
    with one_line_errors(path), path.open(newline="", encoding="utf-8") as file:
        return [
            {
                restore(k): _number(restore(v))
                for k, v in row.items()
                if v not in ("", None)
            }
            for row in csv.DictReader(file)
        ]


def _number(text: str) -> float | str:
    if text.isdecimal():
        return int(text)
    try:
        return float(text)
    except ValueError:
        return text
