"""The CSV files of a report: what people sort, and other programs read."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv

from fsr_gdw_tf.io.files import atomic_write, write_csv
from fsr_gdw_tf.label_quality.label_issues import LabelIssues
from fsr_gdw_tf.label_quality.label_records import LabelRecords
from fsr_gdw_tf.label_quality.reasons import Reasons

ALWAYS = 1000  # of the most suspicious labels have reasons, whatever the score
CELLS = 100  # classes of which every pair is listed


def round_floats(rows: list[dict], digits: int = 4) -> list[dict]:
    """Rows with shorter numbers."""

    def short(value):
        return round(value, digits) if isinstance(value, float) else value

    return [{name: short(v) for name, v in row.items()} for row in rows]


def issue_table(
    records: LabelRecords, issues: LabelIssues, indices: np.ndarray
) -> pa.Table:
    """What is thought of these labels; the last four as cleanlab calls them."""
    s, v, i = records, issues, np.asarray(indices)
    names = np.array(s.class_names, dtype=object)
    score = v.score[i].astype(np.float64).round(4)
    columns = {
        "index": i,
        "name": pa.array([s.names[k] for k in i], pa.string()),
        "given": names[s.given[i]],
        "suggested": names[v.suggested[i]],
        "score": score,
        "rank_in_class": v.rank[i],
        "reasons": pa.array(_reasons(s, v, i), pa.string()),
        "is_label_issue": v.is_issue[i],
        "label_score": (1.0 - score).round(4),
        "given_label": s.given[i],
        "predicted_label": s.top[i, 0],
    }
    if s.true is not None:
        columns["true"] = names[s.true[i]]
    return pa.table(columns)


def _reasons(records, issues, indices) -> list[str]:
    """Nobody asks why a label is trusted, and millions of them are."""
    wanted = issues.is_issue.copy()
    wanted[issues.order[:ALWAYS]] = True
    why = Reasons(records)
    return [why(k) if wanted[k] else "" for k in indices.tolist()]


def write_table(path: Path, table: pa.Table) -> None:
    """Write columns as CSV, as a whole: there may be millions of rows."""
    with atomic_write(path) as half:
        pyarrow.csv.write_csv(table, half)


def write_issues(
    path: Path, records: LabelRecords, issues: LabelIssues
) -> None:
    """label_issues.csv: all examples, the most suspicious first."""
    write_table(path, issue_table(records, issues, issues.order))


def write_noise_matrix(path: Path, names, matrix: np.ndarray) -> None:
    """noise_matrix.csv: given x suggested; of many classes those that occur."""
    if len(names) > CELLS:
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
