"""A run with odd names to hand over, and decisions on all of its labels."""

import dataclasses

import numpy as np
from PIL import Image
from support.label_records import records

from fsr_gdw_tf.io.files import write_csv
from fsr_gdw_tf.io.run_folder import RunFolder
from fsr_gdw_tf.label_quality.label_records import FILE_NAME, write_records
from fsr_gdw_tf.label_report.decisions import (
    COLUMNS,
    DROPPED,
    UNDECIDED,
    decision_rows,
)

CLASSES = [
    '=cmd|"/C calc"!A0',
    'O\'Neill, "quoted"; <b>&amp;</b>',
    "\u202e\u05e9\u05dc\u05d5\u05dd",
    "007",
    "caf\u00e9 \u2028 \u732b",
]
NAMES = (
    *("=a,b", 'it\'s; "x"', "\u202eright", "..", "../0/up", "+1"),
    "d\u00e9j\u00e0\u2028vu",
)


def odd_run(folder, n=500, in_files=True) -> RunFolder:
    """Write the records of a run, and its images unless it has none."""
    rng = np.random.default_rng(0)
    given = rng.integers(0, len(CLASSES), n)
    wrong = rng.random(n) < 0.5
    predicted = np.where(wrong, (given + 1) % len(CLASSES), given)
    probs = np.full((n, len(CLASSES)), 0.02) + 0.9 * np.eye(5)[predicted]
    names = [f"{i // 50}/{NAMES[i % len(NAMES)]}{i}.png" for i in range(n)]
    photos = folder.resolve() / "photos"
    info = {"method": "FSR", "regularisers": [], "epochs": 3}
    for i, name in enumerate(names if in_files else ()):
        (photos / name).parent.mkdir(parents=True, exist_ok=True)
        colour = (i % 256, i // 256, 90)
        Image.new("RGB", (4, 3), colour).save(photos / name)
    found = dataclasses.replace(
        records(given, probs),
        names=names,
        class_names=CLASSES,
        training_info=info | {"folder": str(photos) if in_files else None},
    )
    run = RunFolder(folder / "run")
    write_records(run / FILE_NAME, found)
    return run


def some_decisions(given, seed=1) -> np.ndarray:
    """Return a decision for each label: kept, relabelled, dropped, or none."""
    rng = np.random.default_rng(seed)
    kind = np.arange(len(given)) % 4
    other = (given + rng.integers(1, len(CLASSES), len(given))) % len(CLASSES)
    choices = [given, other, np.full_like(given, DROPPED)]
    return np.select([kind == k for k in range(3)], choices, UNDECIDED)


def save_decisions(run, found, decisions) -> None:
    """Write decisions.csv of a run."""
    decided = np.flatnonzero(decisions != UNDECIDED).tolist()
    rows = decision_rows(found, [(i, int(decisions[i])) for i in decided])
    (run / "report").mkdir(exist_ok=True)
    write_csv(run / "report" / "decisions.csv", rows, COLUMNS)
