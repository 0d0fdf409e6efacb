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
from fsr_gdw_tf.label_report.images import image_paths

# What each action does to suspected labels, in the past tense.
ACTIONS = {
    "drop": "left out",
    "relabel": "changed",
    "weights": "given weight 0",
}


class CleanedList(NamedTuple):
    """A list that was written, and how many of its labels were changed."""

    path: Path
    n_changed: int
    n_labels: int


def write_cleaned_labels(
    folder: RunFolder,
    action: str,
    threshold: float,
    out: str | None = None,
    images_folder: str | None = None,
) -> CleanedList:
    """Write the cleaned labels of a run, see `cleaned_labels`.

    out: the file to write; report/<action>_<threshold>.csv if it is None.
    images_folder: where the image files are now, if they were moved.
    """
    records = load_records(folder)
    issues = find_label_issues(records)
    paths = image_paths(records, images_folder)
    report = require_inside(folder.path, folder / "report")
    path = Path(out or report / f"{action}_{threshold:g}.csv")
    table = cleaned_labels(records, issues, action, threshold, paths)
    write_table(path, table)
    n_changed = int((issues.score > threshold).sum())
    return CleanedList(path, n_changed, len(records))


def cleaned_labels(
    records: LabelRecords,
    issues: LabelIssues,
    action: str,
    threshold: float,
    paths: Sequence[str] | None = None,
) -> pa.Table:
    """Return a table of path and label (and weight) to train on instead.

    action: "drop" leaves out the labels whose score is above the threshold;
        "relabel" replaces them by the most probable other class; "weights"
        keeps all, each with the probability that it is right, or 0 above the
        threshold.
    paths: where the examples are now, if they were moved.
    """
    suspected, labels = issues.score > threshold, records.given
    if action == "relabel":
        labels = np.where(suspected, best_alternative(records), labels)
    lost = suspected & (action != "relabel")
    _require_all_classes(records, labels[~lost], threshold)
    paths = records.paths if paths is None else paths
    names = np.array(records.class_names, dtype=object)
    columns = {"path": pa.array(paths, pa.string()), "label": names[labels]}
    if action == "weights":
        weight = np.where(suspected, 0.0, 1.0 - issues.score)
        columns["weight"] = weight.astype(np.float64).round(4)
    if len(set(paths)) < len(paths):
        columns["copy"] = copy_numbers(paths)
    table = pa.table(columns)
    return table.filter(~suspected) if action == "drop" else table


def _require_all_classes(
    records: LabelRecords, remaining: np.ndarray, threshold: float
) -> None:
    """Raise if a class has no label left."""
    classes = len(records.class_names)
    before = np.bincount(records.given, minlength=classes)
    after = np.bincount(remaining, minlength=classes)
    empty = np.flatnonzero((before > 0) & (after == 0))
    if len(empty):
        raise InvalidInput(
            f"--threshold={threshold:g} leaves no labels of {len(empty)} "
            f"class(es), such as {records.class_names[empty[0]]!r}; raise the "
            "threshold"
        )
