"""A cleaned list: the data of a run without, or with other, suspect labels."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from fsr_gdw_tf.data.label_overrides import duplicate_numbers
from fsr_gdw_tf.errors import InvalidInput
from fsr_gdw_tf.label_quality.label_issues import LabelIssues, best_alternative
from fsr_gdw_tf.label_quality.label_records import LabelRecords

ACTIONS = {"drop": "left out", "relabel": "changed", "weights": "weighed 0"}


def cleaned_labels(
    records: LabelRecords,
    issues: LabelIssues,
    action: str,
    threshold: float,
    paths: Sequence[str] | None = None,
) -> pa.Table:
    """Columns path, label (and weight): what to train on instead.

    drop: without the labels whose score is above the threshold; relabel: with
    the suggested label in their place; weights: all labels, each of them with
    the probability that it is right, or 0 above the threshold. `paths` are
    where the examples are now, if they moved.
    """
    suspect, labels = issues.score > threshold, records.given
    if action == "relabel":
        labels = np.where(suspect, best_alternative(records), labels)
    gone = suspect & (action != "relabel")
    _require_all_classes(records, labels[~gone], threshold)
    paths = records.paths if paths is None else paths
    names = np.array(records.class_names, dtype=object)
    columns = {"path": pa.array(paths, pa.string()), "label": names[labels]}
    if action == "weights":
        right = np.where(suspect, 0.0, 1.0 - issues.score)
        columns["weight"] = right.astype(np.float64).round(4)
    if len(set(paths)) < len(paths):
        columns["copy"] = duplicate_numbers(paths)
    table = pa.table(columns)
    return table.filter(~suspect) if action == "drop" else table


def _require_all_classes(
    records: LabelRecords, left: np.ndarray, threshold: float
) -> None:
    classes = len(records.class_names)
    before = np.bincount(records.given, minlength=classes)
    after = np.bincount(left, minlength=classes)
    empty = np.flatnonzero((before > 0) & (after == 0))
    if len(empty):
        raise InvalidInput(
            f"with --threshold={threshold:g} nothing is left of {len(empty)} "
            f"class(es), such as {records.class_names[empty[0]]!r}; raise it"
        )
