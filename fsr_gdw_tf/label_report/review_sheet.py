"""Check the scores by hand: write a sheet to fill in, and evaluate it."""

import csv
import itertools
from pathlib import Path

import numpy as np
import pyarrow as pa

from fsr_gdw_tf.errors import InvalidInput
from fsr_gdw_tf.io.files import one_line_errors, require_inside, write_csv
from fsr_gdw_tf.io.run_folder import RunFolder
from fsr_gdw_tf.label_quality.issue_table import (
    issue_table,
    round_floats,
    write_table,
)
from fsr_gdw_tf.label_quality.label_issues import LabelIssues, find_label_issues
from fsr_gdw_tf.label_quality.label_records import LabelRecords, load_records
from fsr_gdw_tf.label_report.decisions import (
    ANSWER,
    LAYOUT,
    TRUE_CLASS,
    checked_labels,
    read_decisions,
)
from fsr_gdw_tf.label_report.summary import wilson

EDGES = (0.0, 0.1, 0.5, 0.7, 0.9, 1.0)  # of the bands of scores
N_BANDS = len(EDGES) - 1
PER_BAND = 20  # examples of each band on the sheet
COLUMNS = ("index", "name", "given", "suggested", "score", ANSWER, TRUE_CLASS)


def score_bands(score: np.ndarray) -> np.ndarray:
    """Return the index of each example's band of scores."""
    return np.digitize(score, EDGES[1:-1])


def write_sheet(path: Path, records: LabelRecords, issues: LabelIssues) -> None:
    """Write verify_me.csv: random examples of each band of scores.

    A sheet that has answers is not overwritten.
    """
    if _has_answers(path):
        return
    indices = sample_of_bands(issues)
    table = issue_table(records, issues, indices).select(COLUMNS[:-2])
    blank = pa.array([""] * len(indices))
    for name in (ANSWER, TRUE_CLASS):
        table = table.append_column(name, blank)
    write_table(path, table)


def sample_of_bands(issues: LabelIssues) -> np.ndarray:
    """Return random examples of each band of scores, in random order."""
    rng = np.random.default_rng(0)
    bands, sampled = score_bands(issues.score), []
    for band in range(N_BANDS):
        members = np.flatnonzero(bands == band)
        sampled.append(rng.permutation(members)[:PER_BAND])
    return rng.permutation(np.concatenate(sampled))


def _has_answers(path: Path) -> bool:
    if not path.is_file():
        return False
    with (
        one_line_errors(path, "move it away"),
        path.open(newline="", encoding="utf-8-sig") as lines,
    ):
        return any(
            (row.get(name) or "").strip()
            for row in csv.DictReader(lines)
            for name in (ANSWER, TRUE_CLASS)
        )


def read_answers(
    name: str | Path, records: LabelRecords
) -> tuple[np.ndarray, np.ndarray]:
    """Return the indices of checked labels, and whether each is wrong.

    name: a filled-in verify_me.csv, or a decisions.csv.
    """
    decisions = read_decisions(name, records)
    indices, wrong = checked_labels(decisions, records.given)
    if not len(indices):
        raise InvalidInput(f"{name} has no answers; {LAYOUT}")
    return indices, wrong


def evaluate_sheet(folder: RunFolder, sheet: str | Path) -> list[dict]:
    """Write report/verified.csv from a filled-in sheet, and return its rows."""
    records = load_records(folder)
    indices, wrong = read_answers(sheet, records)
    rows = estimate_noise(find_label_issues(records), indices, wrong)
    report = require_inside(folder.path, folder / "report")
    write_csv(report / "verified.csv", rows)
    return rows


def estimate_noise(
    issues: LabelIssues, indices: np.ndarray, wrong: np.ndarray
) -> list[dict]:
    """Estimate the share of wrong labels in each band, above 0.5, and in all.

    indices, wrong: the labels that were checked, and which of them are wrong.
    """
    return estimate_by_band(score_bands(issues.score), indices, wrong)


def estimate_by_band(
    bands: np.ndarray, indices: np.ndarray, wrong: np.ndarray
) -> list[dict]:
    """Return `estimate_noise` of examples whose bands are known."""
    checked_bands = bands[indices]
    sizes = np.bincount(bands, minlength=N_BANDS)
    checked = np.bincount(checked_bands, minlength=N_BANDS)
    n_wrong = np.bincount(checked_bands, wrong, N_BANDS)
    names = [f"{low:g} to {high:g}" for low, high in itertools.pairwise(EDGES)]
    rows = [
        _row(*band)
        for band in zip(names, sizes, checked, n_wrong, strict=True)
        if band[1]
    ]
    suspected = np.arange(N_BANDS) >= EDGES.index(0.5)
    for name, part in (
        ("0.5 or more", suspected & (sizes > 0)),
        ("all", sizes > 0),
    ):
        if part.any():
            group = sizes[part], checked[part], n_wrong[part]
            rows.append(_combined_row(name, *group))
    return round_floats(rows)


def _row(name: str, examples: int, checked: int, wrong: float) -> dict:
    """Return the estimate of a simple random sample."""
    low, high = wilson(wrong, checked)
    share = float(wrong / checked) if checked else None
    return {
        "score": name,
        "examples": int(examples),
        "checked": int(checked),
        "wrong": int(wrong),
        "share_wrong": share,
        "low": low,
        "high": high,
    }


def _combined_row(
    name: str, sizes: np.ndarray, checked: np.ndarray, wrong: np.ndarray
) -> dict:
    """Return the estimate over bands, a stratified sample.

    The interval is Wilson's, with the effective number of checked labels.
    """
    row = _row(name, sizes.sum(), checked.sum(), wrong.sum())
    part = sizes / sizes.sum()
    if (checked == 0).any():
        return row | {"share_wrong": None, "low": 0.0, "high": 1.0}
    share = float((part * wrong / checked).sum())
    # One more right and one more wrong label in each band keep the variance
    # of bands whose answers are all the same above zero.
    smooth = (wrong + 1) / (checked + 2)
    p = float((part * smooth).sum())
    variance = float((part**2 * smooth * (1 - smooth) / checked).sum())
    n = p * (1 - p) / variance
    low, high = wilson(share * n, n)
    return row | {"share_wrong": share, "low": low, "high": high}
