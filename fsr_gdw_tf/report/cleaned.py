"""A cleaned list: the data of a run without, or with other, suspect labels."""

from pathlib import Path

import numpy as np
import pyarrow as pa

from fsr_gdw_tf.report.lists import write_table
from fsr_gdw_tf.report.statistics import Statistics
from fsr_gdw_tf.report.suspicion import Verdict, best_other

ACTIONS = ("drop", "relabel", "weights")


def cleaned(
    statistics: Statistics, verdict: Verdict, action: str, threshold: float
) -> pa.Table:
    """Columns path, label (and weight): what to train on instead.

    drop: without the labels whose score is above the threshold; relabel: with
    the suggested label in their place; weights: all labels, each of them with
    the probability that it is right, or 0 above the threshold.
    """
    suspect, labels = verdict.score > threshold, statistics.given
    if action == "relabel":
        labels = np.where(suspect, best_other(statistics), labels)
    names = np.array(statistics.class_names, dtype=object)
    columns = {
        "path": pa.array(statistics.paths, pa.string()),
        "label": names[labels],
    }
    if action == "weights":
        right = np.where(suspect, 0.0, 1.0 - verdict.score)
        columns["weight"] = right.astype(np.float64).round(4)
    table = pa.table(columns)
    return table.filter(~suspect) if action == "drop" else table


def write(
    path: Path,
    statistics: Statistics,
    verdict: Verdict,
    action: str,
    threshold: float,
) -> int:
    """Write the list; how many labels it leaves out, changes, or weighs 0."""
    write_table(path, cleaned(statistics, verdict, action, threshold))
    return int((verdict.score > threshold).sum())
