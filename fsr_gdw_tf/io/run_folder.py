"""The folder that a run writes its results to."""

import contextlib
import difflib
import hashlib
import time
import traceback
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from fsr_gdw_tf.distribution.hosts import host, is_chief, print_on_chief
from fsr_gdw_tf.errors import InvalidInput
from fsr_gdw_tf.io.files import (
    one_line_errors,
    read_csv,
    read_json,
    remove_temporaries,
    write,
    write_here,
    write_json,
)
from fsr_gdw_tf.io.folder_lock import folder_lock

CHECKED = ("metrics.csv", "evaluation.json")
CHECKSUMS = "sha256"  # the key of their checksums in DONE
NETWORK = "model.keras"
BEST_NETWORK = "best.keras"  # of the best epoch, if the run keeps it
LAST = 5  # epochs whose mean accuracy is reported, as in the papers


class RunFolder:
    """The folder of a run; its config.gin tells whether a run can resume."""

    def __init__(self, path: str | Path):
        self.path = Path(path).expanduser()

    def __truediv__(self, name: str) -> Path:
        return self.path / name

    def check(self, config: str) -> None:
        """Raise if the folder holds other files or another configuration."""
        old = self._saved_config()
        if self.path.exists() and not self.path.is_dir():
            raise InvalidInput(
                f"expected a folder as --run_dir, got the file {self.path}"
            )
        # A run that ended before it saved anything may be replaced.
        results = ("metrics.csv", "*.index")
        if old not in (None, config) and any(
            file for name in results for file in self.path.rglob(name)
        ):
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

    @contextlib.contextmanager
    def open(self, config: str) -> Iterator[None]:
        """Lock and check the folder, write config.gin, clear an old failure."""
        self.check(config)
        with self.lock():
            self.check(config)  # who held the lock may have begun a run
            if is_chief():
                remove_temporaries(self.path)
            write(self / "config.gin", config)
            self.failed.unlink(missing_ok=True)
            yield

    def lock(self) -> contextlib.AbstractContextManager[None]:
        """Lock the folder for this process; of several hosts the first does."""
        return (
            folder_lock(self.path) if is_chief() else contextlib.nullcontext()
        )

    def require_new(self) -> None:
        """Raise if epochs were trained, but none can be gone on from."""
        # A run that is killed in its first epochs may have written a row.
        if len(self.metrics()) > 1:
            raise InvalidInput(
                f"{self / 'metrics.csv'} has epochs, but {self / 'checkpoints'}"
                " no checkpoint to go on from; train in another --run_dir, or "
                "delete that folder"
            )

    def require_checkpoints(self) -> None:
        """Raise if nothing was saved."""
        if not any((self / "checkpoints").glob("*.index")):
            raise InvalidInput(
                f"{self.path} has no checkpoint; run --mode=train first"
            )

    @property
    def failed(self) -> Path:
        """Return the file for the traceback of this host."""
        index = host().index
        return self / (f"FAILED.{index}" if index else "FAILED")

    def print_done(self) -> None:
        """Print that nothing is trained, as the run is complete."""
        print_on_chief(f"{self.path} is done already; delete it to run again")

    @contextlib.contextmanager
    def failure_recorded(self) -> Iterator[None]:
        """Write the traceback of what fails; exits and Ctrl-C do not."""
        try:
            yield
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException:
            write_here(self.failed, traceback.format_exc())
            raise

    @property
    def done(self) -> bool:
        """Return whether the run is complete: its summary is written."""
        return bool(self.summary())

    def finish(self, results: dict) -> None:
        """Write the summary, and by which checksums its files are intact."""
        sums = {name: _checksum(self / name) for name in CHECKED}
        write_json(self / "DONE", {**results, CHECKSUMS: sums})

    def summary(self) -> dict:
        """Return the summary of a complete run; {} if there is none to read."""
        content = self._content_of_done()
        return {k: v for k, v in content.items() if k != CHECKSUMS}

    def _content_of_done(self) -> dict:
        with contextlib.suppress(InvalidInput):
            return read_json(self / "DONE")
        return {}

    @property
    def reported(self) -> bool:
        """Return whether the run has a label report."""
        return (self / "report" / "index.html").is_file()

    def lost_files(self) -> list[str]:
        """Return which files of a completed run are missing or damaged."""
        sums = self._content_of_done().get(CHECKSUMS)
        sums = sums if isinstance(sums, dict) else {}
        lost = [
            name
            for name in CHECKED
            if not (self / name).is_file()
            or sums.get(name) not in (None, _checksum(self / name))
        ]
        if not zipfile.is_zipfile(self / "model.keras"):
            lost.append("model.keras")
        if not lost and not self._is_summary_of_metrics():
            lost.append("DONE")
        return lost

    def _is_summary_of_metrics(self) -> bool:
        try:
            return summary(self.metrics()) == self.summary()
        except (LookupError, InvalidInput):  # columns or rows are missing
            return False

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


def summary(rows: list[dict]) -> dict:
    """Return the metrics that runs are compared by, from the epochs' rows."""
    accuracy = [row["val_accuracy"] for row in rows]
    # The first epoch includes the tracing of the step.
    seconds = [row["step_seconds"] for row in rows[1:] or rows]
    return {
        "test_accuracy_last": accuracy[-1],
        "test_accuracy_last5": float(np.mean(accuracy[-LAST:])),
        "test_accuracy_best": max(accuracy),
        "balanced_accuracy": rows[-1]["val_balanced_accuracy"],
        "step_seconds": float(np.median(seconds)),
    }


def _checksum(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


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
