"""The folder of one run: everything written as it comes, atomically."""

import contextlib
import csv
import difflib
import io
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.table import Table

from fsr_gdw_tf.devices import host, is_chief
from fsr_gdw_tf.errors import BadInput


def write(path: Path, text: str) -> None:
    """Replace a file as a whole: readers see the old or the new, never half.

    Of several hosts only the first one writes.
    """
    if is_chief():
        write_here(path, text)


def write_here(path: Path, text: str) -> None:
    """The same, whichever host this is."""
    with replacing(path) as half:
        half.write_text(text, encoding="utf-8")


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
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


def show(title: str, rows: list[dict], digits: str = "") -> None:
    """Print rows as a table, numbers on the right and to so many `digits`."""
    table = Table(title=title)
    for name, value in rows[0].items():
        left = isinstance(value, str)
        table.add_column(name, justify="left" if left else "right")
    for row in rows:
        table.add_row(*(_cell(value, digits) for value in row.values()))
    # Of what is between colons rich would make pictures.
    Console(emoji=False).print(table)


def _cell(value, digits: str) -> str:
    if value is None:
        return "-"
    return format(value, digits) if isinstance(value, float) else str(value)


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


class RunFolder:
    """Where a run writes, and how it is known to be the same run again."""

    def __init__(self, path: str | Path):
        self.path = Path(path)

    def __truediv__(self, name: str) -> Path:
        return self.path / name

    def check(self, config: str) -> None:
        """Refuse a folder of other things or of another configuration."""
        old = self / "config.gin"
        if self.path.exists() and not self.path.is_dir():
            raise BadInput(f"{self.path} is a file; --run_dir is a folder")
        same = not old.is_file() or old.read_text(encoding="utf-8") == config
        # A run that was refused before its first epoch is no obstacle.
        if not same and any(self.path.rglob("metrics.csv")):
            raise BadInput(
                f"{self.path} holds a run of another configuration "
                f"({difference(old.read_text(encoding='utf-8'), config)}); "
                "choose another --run_dir, or delete that folder"
            )
        if self._holds_other_things():
            raise BadInput(
                f"{self.path} is not empty and holds no run; choose another "
                "--run_dir"
            )

    def _holds_other_things(self) -> bool:
        found = {p.name for p in self.path.glob("*")}
        known = (".", "FAILED")  # another host may be writing, or has failed
        strange = [name for name in found if not name.startswith(known)]
        return bool(strange) and "config.gin" not in found

    def require_shared(self, patience: int = 60) -> None:
        """Refuse, on another host, a folder that the first one does not see."""
        for _ in range(0 if is_chief() else patience):
            if (self / "config.gin").is_file():
                return
            time.sleep(1)  # a file system may take a while to show it
        if not is_chief():
            raise BadInput(
                f"host {host().index} does not see the first host's files in "
                f"{self.path}; --run_dir must be one folder on all hosts"
            )

    def open(self, config: str) -> None:
        """Start here, or go on here."""
        self.check(config)
        write(self / "config.gin", config)
        self.failed.unlink(missing_ok=True)

    @property
    def failed(self) -> Path:
        """Where this host says why it could not go on."""
        index = host().index
        return self / (f"FAILED.{index}" if index else "FAILED")

    @property
    def done(self) -> bool:
        """Whether the run came to its end."""
        return (self / "DONE").is_file()

    @property
    def reported(self) -> bool:
        """Whether the page of its label report is there."""
        return (self / "report" / "index.html").is_file()

    def metrics(self) -> list[dict]:
        """One row per epoch."""
        return read_csv(self / "metrics.csv")


def difference(old: str, new: str) -> str:
    """What changed between two configurations, in one line."""
    lines = difflib.ndiff(old.splitlines(), new.splitlines())
    changes = [
        f"{line[0]} {' '.join(line[1:].split())}"
        for line in lines
        if line[:2] in ("- ", "+ ") and not line[2:].startswith("#")
    ]
    changes = [c for c in changes if len(c) > 2]
    shown = "; ".join(changes[:6])
    return shown + ("; ..." if len(changes) > 6 else "")
