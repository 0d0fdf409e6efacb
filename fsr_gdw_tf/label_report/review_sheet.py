"""Is the report right? A sheet for a person to fill in, and what it tells."""

import csv
import itertools
from pathlib import Path

import numpy as np
import pyarrow as pa

from fsr_gdw_tf.data.file_lists import opened
from fsr_gdw_tf.errors import InvalidInput
from fsr_gdw_tf.label_quality.issue_table import (
    issue_table,
    round_floats,
    write_table,
)
from fsr_gdw_tf.label_quality.label_issues import LabelIssues
from fsr_gdw_tf.label_quality.label_records import LabelRecords
from fsr_gdw_tf.label_report.summary import wilson

EDGES = (0.0, 0.1, 0.5, 0.7, 0.9, 1.0)
PER_BAND = 20
ANSWER = "label_is"
COLUMNS = ("index", "name", "given", "suggested", "score", ANSWER)
ANSWERS = {"right": False, "wrong": True}
LAYOUT = (
    "expected a copy of verify_me.csv with 'right' or 'wrong' in the column "
    "label_is"
)


def score_bands(score: np.ndarray) -> np.ndarray:
    """Which band of scores each example is in."""
    return np.digitize(score, EDGES[1:-1])


def write_sheet(path: Path, records: LabelRecords, issues: LabelIssues) -> None:
    """verify_me.csv: some examples of each band of scores, in random order.

    A sheet that somebody has begun to fill in stays as it is.
    """
    if _begun(path):
        return
    rng = np.random.default_rng(0)
    band, chosen = score_bands(issues.score), []
    for b in range(len(EDGES) - 1):
        members = np.flatnonzero(band == b)
        chosen.append(rng.permutation(members)[:PER_BAND])
    chosen = rng.permutation(np.concatenate(chosen))
    table = issue_table(records, issues, chosen)
    blank = pa.array([""] * len(chosen))
    write_table(path, table.select(COLUMNS[:-1]).append_column(ANSWER, blank))


def _begun(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open(newline="", encoding="utf-8-sig") as lines:
        return any((r.get(ANSWER) or "").strip() for r in csv.DictReader(lines))


def read_sheet(name: str, records: LabelRecords) -> tuple:
    """(indices, whether each label is wrong) of the rows that were answered."""
    with opened(name, LAYOUT) as lines:
        reader = csv.DictReader(lines)
        missing = set(COLUMNS) - set(reader.fieldnames or [])
        rows = list(reader)
    if missing:
        raise InvalidInput(
            f"{name} has no column {' and '.join(sorted(missing))}; {LAYOUT}"
        )
    told = [row for row in rows if (row["label_is"] or "").strip()]
    if not told:
        raise InvalidInput(f"{name} has no answer yet; {LAYOUT}")
    answers = dict(_answer(name, row, records) for row in told)
    return np.array(list(answers)), np.array(list(answers.values()))


def _answer(name: str, row: dict, records: LabelRecords) -> tuple[int, bool]:
    answer, index = row["label_is"].strip().lower(), row["index"] or ""
    if answer not in ANSWERS:
        raise InvalidInput(
            f"{name}, example {index}: label_is is {answer!r}; {LAYOUT}"
        )
    known = index.isdecimal() and int(index) < len(records)
    if not known or row["name"] != records.names[int(index)]:
        raise InvalidInput(
            f"{name}: example {index} is not called {row['name']!r} in this "
            "run; fill in the verify_me.csv of its own report"
        )
    return int(index), ANSWERS[answer]


def estimate_noise(issues: LabelIssues, indices, wrong) -> list[dict]:
    """How many labels are wrong in each band, above 0.5, and in all."""
    band, told = score_bands(issues.score), score_bands(issues.score[indices])
    sizes = np.bincount(band, minlength=len(EDGES) - 1)
    checked = np.bincount(told, minlength=len(EDGES) - 1)
    hits = np.bincount(told, wrong, len(EDGES) - 1)
    names = [f"{low:g} to {high:g}" for low, high in itertools.pairwise(EDGES)]
    counted = zip(names, sizes, checked, hits, strict=True)
    rows = [_row(*band_counts) for band_counts in counted]
    suspects = np.arange(len(EDGES) - 1) >= EDGES.index(0.5)
    everyone = np.ones_like(suspects)
    for name, some in (("0.5 or more", suspects), ("all", everyone)):
        rows.append(_together(name, sizes[some], checked[some], hits[some]))
    return round_floats([row for row in rows if row["examples"]])


def _row(name, examples, checked, hits) -> dict:
    low, high = wilson(hits, checked)
    share = float(hits / checked) if checked else None
    return {
        "score": name,
        "examples": int(examples),
        "checked": int(checked),
        "wrong": int(hits),
        "share_wrong": share,
        "low": low,
        "high": high,
    }


def _together(name, sizes, checked, hits) -> dict:
    """Several bands, each in its share; Wilson's with the effective number."""
    row = _row(name, sizes.sum(), checked.sum(), hits.sum())
    part = sizes / max(sizes.sum(), 1)
    if (checked[sizes > 0] == 0).any():
        return row | {"share_wrong": None, "low": 0.0, "high": 1.0}
    checked = np.maximum(checked, 1)
    share = float((part * hits / checked).sum())
    # As if one more right and one more wrong label were seen in each band.
    smooth = (hits + 1) / (checked + 2)
    p = float((part * smooth).sum())
    variance = float((part**2 * smooth * (1 - smooth) / checked).sum())
    n = p * (1 - p) / variance
    low, high = wilson(share * n, n)
    return row | {"share_wrong": share, "low": low, "high": high}
