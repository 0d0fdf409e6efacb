"""The CSV files of a report: what people sort, and other programs read."""

from pathlib import Path

import numpy as np

from fsr_gdw_tf.report.reasons import Reasons
from fsr_gdw_tf.report.statistics import Statistics
from fsr_gdw_tf.report.suspicion import Verdict
from fsr_gdw_tf.run_folder import write_csv

ALWAYS = 1000  # of the most suspicious labels have reasons, whatever the score


def rounded(rows: list[dict], digits: int = 4) -> list[dict]:
    """Rows with shorter numbers."""

    def short(value):
        return round(value, digits) if isinstance(value, float) else value

    return [{name: short(v) for name, v in row.items()} for row in rows]


def issue_rows(
    statistics: Statistics, verdict: Verdict, indices: np.ndarray
) -> list[dict]:
    """What is thought of these labels; the last four as cleanlab calls them."""
    s, v = statistics, verdict
    why, names = Reasons(s, v), s.class_names
    rows = []
    worst = set(v.order[:ALWAYS].tolist())
    for i in indices.tolist():
        given, suggested = int(s.given[i]), int(v.suggested[i])
        score, issue = round(float(v.score[i]), 4), bool(v.is_issue[i])
        row = {
            "index": i,
            "name": s.names[i],
            "given": names[given],
            "suggested": names[suggested],
            "score": score,
            "rank_in_class": int(v.rank[i]),
            # Nobody asks why a label is trusted, and millions of them are.
            "reasons": why(i) if issue or i in worst else "",
            "is_label_issue": issue,
            "label_score": round(1 - score, 4),
            "given_label": given,
            "predicted_label": suggested,
        }
        if s.true is not None:
            row["true"] = names[int(s.true[i])]
        rows.append(row)
    return rows


def write_issues(path: Path, statistics: Statistics, verdict: Verdict) -> None:
    """label_issues.csv: all examples, the most suspicious first."""
    write_csv(path, issue_rows(statistics, verdict, verdict.order))


def write_matrix(path: Path, names, matrix: np.ndarray) -> None:
    """noise_matrix.csv: given x suggested; of many classes those that occur."""
    if len(names) > 100:
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
