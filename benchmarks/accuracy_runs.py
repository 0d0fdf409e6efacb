"""What the accuracy table is made of: settings, recipes, rows, their means.

accuracy.py fills it, readme_tables.py shows it.
"""

import csv
import json
import os
import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from fsr_gdw_tf import methods
from fsr_gdw_tf.errors import InvalidInput

SETTINGS = {
    "uniform 40 %": ["NOISE=0.4"],
    "uniform 60 %": ["NOISE=0.6"],
    "flip 40 %": ["NOISE=0.4", "NOISE_KIND='flip'"],
    "long tail .01": ["NOISE=0.0", "IMBALANCE=0.01"],
    "long tail .1 + uniform 40 %": ["NOISE=0.4", "IMBALANCE=0.1"],
    # For some methods only. Images are still mirrored without crops, and plain
    # training then learns every label by heart within 30 epochs.
    "uniform 40 %, 90 epochs": ["NOISE=0.4", "EPOCHS=90", "FINETUNE_FROM=75"],
    "uniform 40 %, no crops": ["NOISE=0.4", "CropFlip.padding=0"],
}
DEFAULT, MORE = list(SETTINGS)[:5], list(SETTINGS)[5:]
KINDS = {
    **{"setting": str, "method": str, "seed": int},
    **{"last5": float, "best": float},
    **{"commit": str, "threads": int},
}
ROOT = Path(__file__).parent.parent


def bindings(name: str) -> dict[str, str]:
    """What a recipe in gin/methods/ sets, with what it includes."""
    found = {}
    recipe = ROOT / "gin" / "methods" / f"{name}.gin"
    if not recipe.is_file():
        raise InvalidInput(
            f"no method {name!r}: gin/methods/ holds no {name}.gin"
        )
    for line in recipe.read_text(encoding="utf-8").splitlines():
        if other := re.match(r"include 'gin/methods/(\w+)\.gin'", line):
            found |= bindings(other[1])
        elif bound := re.match(r"([\w.]+) = (.*?)\s*(#.*)?$", line):
            found[bound[1]] = bound[2]
    return found


def class_of(name: str) -> type:
    """The method that a recipe trains with."""
    return getattr(
        methods, bindings(name)["ClassifierConfig.method"].strip("@()")
    )


def clean_images(spec: str) -> str:
    """Where a method has clean images: none, apart, in training."""
    name = spec.partition(":")[0]
    told, kind = bindings(name), class_of(name)
    if told.get("META_IN_TRAINING") == "True":
        return "in training"
    uses = kind.uses_meta
    if issubclass(kind, methods.MetaMethod):  # whose instances know
        uses = told.get(f"{kind.__name__}.meta") != "@Dictionary()"
    return "apart" if uses else "none"


def texts(path: Path, columns: Iterable[str]) -> list[dict]:
    """The rows of a CSV file that has these columns, as written there."""
    if not path.is_file():
        raise InvalidInput(f"{path} does not exist; a table is made from it")
    with path.open(newline="", encoding="utf-8") as file:
        rows = csv.DictReader(file, restval="")
        if lost := set(columns) - set(rows.fieldnames or []):
            raise InvalidInput(
                f"{path} has no column {', '.join(sorted(lost))}"
            )
        return list(rows)


def read(path: Path) -> list[dict]:
    """The rows of an accuracy table.

    Not by run_folder.read_csv, for which the commit 12e4567890 is a number.
    """
    rows = texts(path, KINDS)
    try:
        return [{k: kind(row[k]) for k, kind in KINDS.items()} for row in rows]
    except ValueError as error:
        raise InvalidInput(f"{path} has no number: {error}") from error


def tested_on(path: Path) -> str | None:
    """The images of an accuracy table, if there is a note of them beside it."""
    note = path.with_suffix(".json")
    return json.loads(note.read_text())["tested on"] if note.is_file() else None


def summary(rows: list[dict]) -> list[dict]:
    """A row for each setting and method: means and deviations over seeds."""
    groups = {}
    for row in rows:
        groups.setdefault((row["setting"], row["method"]), []).append(row)
    return [over_seeds(*key, group) for key, group in groups.items()]


def over_seeds(setting: str, method: str, rows: list[dict]) -> dict:
    """Means and standard deviations over seeds."""
    row = {"setting": setting, "method": method, "seeds": len(rows)}
    for name in ("last5", "best"):
        values = np.array([r[name] for r in rows])
        row[name] = float(values.mean())
        row[f"{name}_std"] = float(values.std(ddof=1)) if rows[1:] else 0.0
    return row


def threads() -> int:
    """How many CPUs this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
