"""The folder of one run: everything written as it comes, atomically."""

import difflib
import time
from pathlib import Path

from fsr_gdw_tf.distribution.hosts import host, is_chief
from fsr_gdw_tf.errors import InvalidInput
from fsr_gdw_tf.io.files import read_csv, write

LAST = 5  # epochs whose mean is reported, as in the papers


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
            raise InvalidInput(f"{self.path} is a file; --run_dir is a folder")
        same = not old.is_file() or old.read_text(encoding="utf-8") == config
        # A run that was refused before its first epoch is no obstacle.
        if not same and any(self.path.rglob("metrics.csv")):
            raise InvalidInput(
                f"{self.path} holds a run of another configuration "
                f"({difference(old.read_text(encoding='utf-8'), config)}); "
                "choose another --run_dir, or delete that folder"
            )
        if self._holds_other_things():
            raise InvalidInput(
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
            raise InvalidInput(
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
