"""The CSV files of a report: label issues and the noise matrix."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv

from fsr_gdw_tf.io.files import atomic_write, write_csv
from fsr_gdw_tf.io.spreadsheet import neutralise_table
from fsr_gdw_tf.label_quality.label_issues import LabelIssues
from fsr_gdw_tf.label_quality.label_records import LabelRecords
from fsr_gdw_tf.label_quality.reasons import Reasons

# Labels that have reasons although they are not suspected: the worst of all.
MIN_REASONS = 1000
MAX_MATRIX_CLASSES = 100  # with more classes, only pairs that occur are listed


def round_floats(rows: list[dict], digits: int = 4) -> list[dict]:
    """Return the rows with their floats rounded."""

    def rounded(value):
        return round(value, digits) if isinstance(value, float) else value

    return [{name: rounded(v) for name, v in row.items()} for row in rows]


def issue_table(
    records: LabelRecords, issues: LabelIssues, indices: np.ndarray
) -> pa.Table:
    """Return a row for each of these examples."""
    rows = np.asarray(indices)
    class_names = np.array(records.class_names, dtype=object)
    given = records.given[rows]
    score = issues.score[rows].astype(np.float64).round(4)
    columns = {
        "index": rows,
        "name": pa.array([records.names[row] for row in rows], pa.string()),
        "given": class_names[given],
        "suggested": class_names[issues.suggested[rows]],
        "score": score,
        "rank_in_class": issues.rank[rows],
        "reasons": pa.array(_reasons(records, issues, rows), pa.string()),
        # The same once more, under the column names of cleanlab.
        "is_label_issue": issues.is_issue[rows],
        "label_score": (1.0 - score).round(4),
        "given_label": given,
        "predicted_label": records.top[rows, 0],
    }
    if records.true is not None:
        columns["true"] = class_names[records.true[rows]]
    return pa.table(columns)


def _reasons(
    records: LabelRecords, issues: LabelIssues, indices: np.ndarray
) -> list[str]:
    """Return the reasons of suspected labels, and of the worst others.

    Trusted labels have none: there may be millions of them.
    """
    has_reasons = issues.is_issue.copy()
    has_reasons[issues.order[:MIN_REASONS]] = True
    reasons = Reasons(records)
    return [reasons(i) if has_reasons[i] else "" for i in indices.tolist()]


def write_table(path: Path, table: pa.Table) -> None:
    """Write a table as CSV, atomically; texts are no formulas in it."""
    with atomic_write(path) as temporary:
        pyarrow.csv.write_csv(neutralise_table(table), temporary)


def write_issues(
    path: Path, records: LabelRecords, issues: LabelIssues
) -> None:
    """Write label_issues.csv: all examples, the most suspicious first."""
    write_table(path, issue_table(records, issues, issues.order))


def write_noise_matrix(
    path: Path, names: Sequence[str], matrix: np.ndarray
) -> None:
    """Write noise_matrix.csv: counts of given (rows) by suggested classes."""
    if len(names) > MAX_MATRIX_CLASSES:
        pairs = np.argwhere(matrix > 0)
        rows = [
            {"given": names[g], "suggested": names[s], "n": int(matrix[g, s])}
            for g, s in pairs
        ]
    else:
        rows = [
            {"given": name, **dict(zip(names, row, strict=True))}
            for name, row in zip(names, matrix.tolist(), strict=True)
        ]
    write_csv(path, rows)
