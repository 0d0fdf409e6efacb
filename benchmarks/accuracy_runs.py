"""Settings, rows and means of the accuracy table.

accuracy.py fills the table, readme_tables.py shows it.
"""

from pathlib import Path

import numpy as np
import result_tables

SETTINGS = {
    "uniform 40 %": ["NOISE=0.4"],
    "uniform 60 %": ["NOISE=0.6"],
    "flip 40 %": ["NOISE=0.4", "NOISE_KIND='flip'"],
    "long tail .01": ["NOISE=0.0", "IMBALANCE=0.01"],
    "long tail .1 + uniform 40 %": ["NOISE=0.4", "IMBALANCE=0.1"],
    # For some methods only. Without crops images are still mirrored; plain
    # training then memorises every label within 30 epochs.
    "uniform 40 %, 90 epochs": ["NOISE=0.4", "EPOCHS=90", "FINETUNE_FROM=75"],
    "uniform 40 %, no crops": ["NOISE=0.4", "CropFlip.padding=0"],
    # As in FSR's experiments: all layers normalised, and their learning rate.
    "uniform 40 %, no crops, normalised": [
        *("NOISE=0.4", "CropFlip.padding=0", "LEARNING_RATE=0.1"),
        "tiny_cnn.normalise_dense=True",
    ],
}
HELD_OUT = (
    "tfds_images.train_split='train[:40000]'",
    "tfds_images.test_split='train[40000:]'",
)
DEFAULT, MORE = list(SETTINGS)[:5], list(SETTINGS)[5:]
COLUMNS = {
    **{"setting": str, "method": str, "seed": int},
    **{"last5": float, "best": float},
    **{"commit": str, "threads": int},
}


def read_runs(path: Path) -> list[dict]:
    """Return the rows of an accuracy table, one for each run."""
    return result_tables.read_runs(path, COLUMNS)


def summary(rows: list[dict]) -> list[dict]:
    """Return a row for each setting and method, with means over seeds."""
    groups = {}
    for row in rows:
        groups.setdefault((row["setting"], row["method"]), []).append(row)
    return [over_seeds(*key, group) for key, group in groups.items()]


def over_seeds(setting: str, method: str, rows: list[dict]) -> dict:
    """Return means and standard deviations over seeds."""
    row = {"setting": setting, "method": method, "seeds": len(rows)}
    for name in ("last5", "best"):
        values = np.array([r[name] for r in rows])
        row[name] = float(values.mean())
        row[f"{name}_std"] = float(values.std(ddof=1)) if rows[1:] else 0.0
    return row
