"""The folder that a run writes its results to."""

import difflib
import time
from pathlib import Path

from fsr_gdw_tf.distribution.hosts import host, is_chief
from fsr_gdw_tf.errors import InvalidInput
from fsr_gdw_tf.io.files import one_line_errors, read_csv, write

LAST = 5  # epochs whose mean accuracy is reported, as in the papers


class RunFolder:
    """The folder of a run; its config.gin tells whether a run can resume."""

    def __init__(self, path: str | Path):
        self.path = Path(path)

    def __truediv__(self, name: str) -> Path:
        return self.path / name

    def check(self, config: str) -> None:
        """Raise if the folder holds other files or another configuration."""
        old = self._saved_config()
        if self.path.exists() and not self.path.is_dir():
            raise InvalidInput(
                f"expected a folder as --run_dir, got the file {self.path}"
            )
        # A run that ended before its first epoch may be replaced.
        if old not in (None, config) and any(self.path.rglob("metrics.csv")):
            raise InvalidInput(
                f"{self.path} holds a run of another configuration "
                f"({difference(old, config)}); "
                "choose another --run_dir, or delete that folder"
            )
        if self._holds_other_things():
            raise InvalidInput(
                "expected a run or an empty folder as --run_dir, got "
                f"{self.path}, which holds other files; choose another"
            )

    def _saved_config(self) -> str | None:
        """Return the text of config.gin, which is not parsed here."""
        file = self / "config.gin"
        if not file.is_file():
            return None
        with one_line_errors(file, "choose another --run_dir"):
            return file.read_text(encoding="utf-8")

    def _holds_other_things(self) -> bool:
        names = {p.name for p in self.path.glob("*")}
        # Files that another host of the same run may have written by now.
        expected = (".", "FAILED")
        others = [name for name in names if not name.startswith(expected)]
        return bool(others) and "config.gin" not in names

    def require_shared(self, patience: int = 60) -> None:
        """Raise if this host does not see the files of the first host.

        patience: seconds to wait for a slow network file system.
        """
        for _ in range(0 if is_chief() else patience):
            if (self / "config.gin").is_file():
                return
            time.sleep(1)
        if not is_chief():
            raise InvalidInput(
                f"host {host().index} cannot see the first host's files in "
                f"{self.path}; --run_dir must be a folder shared by all hosts"
            )

    def open(self, config: str) -> None:
        """Check the folder and write its config.gin; clear an old failure."""
        self.check(config)
        write(self / "config.gin", config)
        self.failed.unlink(missing_ok=True)

    @property
    def failed(self) -> Path:
        """Return the file for the traceback of this host."""
        index = host().index
        return self / (f"FAILED.{index}" if index else "FAILED")

    @property
    def done(self) -> bool:
        """Return whether the run is complete."""
        return (self / "DONE").is_file()

    @property
    def reported(self) -> bool:
        """Return whether the run has a label report."""
        return (self / "report" / "index.html").is_file()

    def metrics(self) -> list[dict]:
        """Return the rows of metrics.csv, one per epoch, all of numbers."""
        file = self / "metrics.csv"
        rows = read_csv(file)
        with one_line_errors(file):
            for row in rows:
                if not {str, list} & set(map(type, row.values())):
                    continue
                raise ValueError(f"got {row} among rows of numbers")
            if any("epoch" not in row for row in rows):
                raise ValueError("it has no column 'epoch'")
        return rows


def difference(old: str, new: str) -> str:
    """Return the changed lines of a configuration, in one line."""
    lines = difflib.ndiff(old.splitlines(), new.splitlines())
    changes = [
        f"{line[0]} {' '.join(line[1:].split())}"
        for line in lines
        if line[:2] in ("- ", "+ ") and not line[2:].startswith("#")
    ]
    changes = [c for c in changes if len(c) > 2]  # without empty lines
    shown = "; ".join(changes[:6])
    return shown + ("; ..." if len(changes) > 6 else "")
