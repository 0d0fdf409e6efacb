"""Make a list of the training labels without the suspected ones."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from fsr_gdw_tf.data.label_overrides import copy_numbers
from fsr_gdw_tf.errors import InvalidInput
from fsr_gdw_tf.io.files import require_inside
from fsr_gdw_tf.io.run_folder import RunFolder
from fsr_gdw_tf.label_quality.issue_table import write_table
from fsr_gdw_tf.label_quality.label_issues import (
    LabelIssues,
    best_alternative,
    find_label_issues,
)
from fsr_gdw_tf.label_quality.label_records import LabelRecords, load_records
from fsr_gdw_tf.label_report.decisions import (
    DROPPED,
    UNDECIDED,
    count_decisions,
    read_decisions,
)
from fsr_gdw_tf.label_report.images import image_paths

# What each action does to suspected labels, in the past tense.
ACTIONS = {
    "drop": "left out",
    "relabel": "changed",
    "weights": "given weight 0",
}
KEEP = "keep"  # the action that changes no label


class CleanedList(NamedTuple):
    """A list that was written, and how many of its labels were changed.

    n_changed: labels above the threshold, without the decided ones.
    decided: counts of the decisions, see `count_decisions`.
    """

    path: Path
    n_changed: int
    n_labels: int
    decided: dict[str, int]


def write_cleaned_labels(
    folder: RunFolder,
    action: str,
    threshold: float,
    out: str | None = None,
    images_folder: str | None = None,
    decisions_file: str | Path | None = None,
) -> CleanedList:
    """Write the cleaned labels of a run, see `cleaned_labels`.

    out: the file to write; by default it is in report/, named after the action.
    images_folder: where the image files are now, if they were moved.
    decisions_file: a decisions.csv, or a filled-in verify_me.csv.
    """
    records = load_records(folder)
    issues = find_label_issues(records)
    paths = image_paths(records, images_folder)
    report = require_inside(folder.path, folder / "report")
    prefix = "cleaned_" if decisions_file else ""
    name = "cleaned" if action == KEEP else f"{prefix}{action}_{threshold:g}"
    path = Path(out or report / f"{name}.csv")
    decisions = np.full(len(records), UNDECIDED)
    if decisions_file:
        if path.resolve() == Path(decisions_file).resolve():
            raise InvalidInput(
                f"--out={out} would replace the decisions; choose another name"
            )
        decisions = read_decisions(decisions_file, records)
    table = cleaned_labels(records, issues, action, threshold, paths, decisions)
    write_table(path, table)
    undecided = (decisions == UNDECIDED) & ~records.held_out
    suspected = undecided & (issues.score > threshold)
    n_changed = 0 if action == KEEP else int(suspected.sum())
    counts = count_decisions(decisions, records.given)
    return CleanedList(path, n_changed, len(records), counts)


def cleaned_labels(
    records: LabelRecords,
    issues: LabelIssues,
    action: str,
    threshold: float,
    paths: Sequence[str] | None = None,
    decisions: np.ndarray | None = None,
) -> pa.Table:
    """Return a table of path and label (and weight) to train on instead.

    action: what happens to the undecided labels. "drop" leaves out those whose
        score is above the threshold; "relabel" replaces them by the most
        probable other class; "weights" keeps all, each with the probability
        that it is right, or 0 above the threshold; "keep" changes nothing.
        Held-out labels change by decisions alone: a test set without what
        the network gets wrong would tell nothing.
    paths: where the examples are now, if they were moved.
    decisions: see `decisions`; by default, all labels are undecided.
    """
    if decisions is None:
        decisions = np.full(len(records), UNDECIDED)
    undecided = (decisions == UNDECIDED) & ~records.held_out
    suspected = undecided & (issues.score > threshold) & (action != KEEP)
    decided = np.where(decisions >= 0, decisions, records.given)
    labels, kept = decided, decisions != DROPPED
    if action == "relabel":
        labels = np.where(suspected, best_alternative(records), decided)
    remains = kept & ~(suspected & (action != "relabel"))
    _require_all_classes(records, decided[kept], labels[remains], threshold)
    paths = records.paths if paths is None else paths
    names = np.array(records.class_names, dtype=object)
    columns = {"path": pa.array(paths, pa.string()), "label": names[labels]}
    if action == "weights":
        weight = np.where(suspected, 0.0, 1.0 - issues.score)
        weight = np.where(undecided, weight, 1.0)
        columns["weight"] = weight.astype(np.float64).round(4)
    if len(set(paths)) < len(paths):
        columns["copy"] = copy_numbers(paths)
    return pa.table(columns).filter(remains if action == "drop" else kept)


def _require_all_classes(
    records: LabelRecords,
    decided: np.ndarray,
    remaining: np.ndarray,
    threshold: float,
) -> None:
    """Raise if the threshold leaves no label of a class."""
    classes = len(records.class_names)
    before = np.bincount(decided, minlength=classes)
    after = np.bincount(remaining, minlength=classes)
    empty = np.flatnonzero((before > 0) & (after == 0))
    if len(empty):
        raise InvalidInput(
            f"--threshold={threshold:g} leaves no labels of {len(empty)} "
            f"class(es), such as {records.class_names[empty[0]]!r}; raise the "
            "threshold"
        )
