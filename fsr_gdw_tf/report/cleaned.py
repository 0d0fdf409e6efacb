"""A cleaned list: the data of a run without, or with other, suspect labels."""

from pathlib import Path

import numpy as np

from fsr_gdw_tf.report.statistics import Statistics
from fsr_gdw_tf.report.suspicion import Verdict, best_other
from fsr_gdw_tf.run_folder import write_csv

ACTIONS = ("drop", "relabel", "weights")


def cleaned(
    statistics: Statistics, verdict: Verdict, action: str, threshold: float
) -> list[dict]:
    """Rows of path, label (and weight): what to train on instead.

    drop: without the labels whose score is above the threshold; relabel: with
    the suggested label in their place; weights: all labels, each of them with
    the probability that it is right, or 0 above the threshold.
    """
    suspect = verdict.score > threshold
    labels = statistics.given
    if action == "relabel":
        labels = np.where(suspect, best_other(statistics), labels)
    kept = ~suspect if action == "drop" else np.ones_like(suspect)
    paths, names, rows = statistics.paths, statistics.class_names, []
    for i in np.flatnonzero(kept).tolist():
        row = {"path": paths[i], "label": names[int(labels[i])]}
        if action == "weights":
            right = 0.0 if suspect[i] else 1 - float(verdict.score[i])
            row["weight"] = round(right, 4)
        rows.append(row)
    return rows


def write(
    path: Path,
    statistics: Statistics,
    verdict: Verdict,
    action: str,
    threshold: float,
) -> int:
    """Write the list; how many labels it leaves out, changes, or weighs 0."""
    write_csv(path, cleaned(statistics, verdict, action, threshold))
    return int((verdict.score > threshold).sum())
