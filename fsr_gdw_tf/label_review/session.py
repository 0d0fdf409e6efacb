"""The decisions of a review, saved one by one."""

import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from fsr_gdw_tf.distribution.hosts import print_on_chief
from fsr_gdw_tf.errors import InvalidInput
from fsr_gdw_tf.io.files import append_csv, write_csv
from fsr_gdw_tf.label_quality.label_issues import LabelIssues
from fsr_gdw_tf.label_quality.label_records import LabelRecords
from fsr_gdw_tf.label_report.decisions import (
    COLUMNS,
    CUT_OFF,
    DROPPED,
    UNDECIDED,
    checked_labels,
    decision_rows,
    parse_decisions,
)
from fsr_gdw_tf.label_report.review_sheet import estimate_by_band, score_bands


class Session:
    """Decisions in memory and in a file, for several browser tabs at once.

    Each decision is in the file before the next one is taken. If the file was
    changed by somebody else, it is read again first.
    """

    def __init__(self, records: LabelRecords, issues: LabelIssues, path: Path):
        """Read the decisions of earlier sessions; raise if none can be saved.

        path: a decisions.csv; it is created if it does not exist.
        """
        self.records, self.path = records, path
        self.bands = score_bands(issues.score)  # for the estimates
        self.lock = threading.Lock()
        self.decisions = np.full(len(records), UNDECIDED)
        self.history: list[int] = []  # the indices that were decided on
        self.saved = None  # size and time of the file when it was last read
        with self.lock:
            self._read_file()
            self._save([])  # or the first decision would be the one to fail

    def decide(self, choices: object) -> None:
        """Save decisions: [index, class] each, see `decisions` for classes.

        If they cannot be saved, none of them is made.
        """
        pairs = self._require_choices(choices)
        with self.lock:
            self._read_file()
            self._save(pairs)
            for index, label in pairs:
                self.decisions[index] = label
            self.history += [index for index, _ in pairs]

    def changes(self, since: int) -> dict:
        """Return the decisions that were made after the first `since`.

        `version` is the next `since`; `estimate` is that of `estimate_noise`.
        """
        with self.lock:
            self._read_file()
            version, decisions = len(self.history), self.decisions.copy()
            changed = sorted(set(self.history[max(since, 0) :]))
        checked = checked_labels(decisions, self.records.given)
        return {
            "version": version,
            "changed": [[i, int(decisions[i])] for i in changed],
            "decided": len(checked[0]),
            "wrong": int(checked[1].sum()),
            "estimate": estimate_by_band(self.bands, *checked),
        }

    def _require_choices(self, choices: object) -> list[tuple[int, int]]:
        """Return choices as they came from the page; raise if one is none."""
        lowest, classes = UNDECIDED, len(self.records.class_names)
        limits = ((0, len(self.records)), (lowest, classes))

        def is_choice(pair: object) -> bool:
            return (
                isinstance(pair, list)
                and [type(n) for n in pair] == [int, int]
                and all(
                    low <= n < high
                    for n, (low, high) in zip(pair, limits, strict=True)
                )
            )

        if not isinstance(choices, list) or not all(map(is_choice, choices)):
            raise InvalidInput(
                "expected a list of [example, class], with examples from 0 to "
                f"{len(self.records) - 1} and classes from {DROPPED} (drop) "
                f"or {UNDECIDED} (undo) to {classes - 1}"
            )
        return [tuple(pair) for pair in choices]

    def _read_file(self) -> None:
        """Read the file if it is not as it was left."""
        if self._state_of_file() in (None, self.saved):
            return
        decisions, whole = parse_decisions(self.path, self.records)
        changed = np.flatnonzero(decisions != self.decisions)
        self.history += changed.tolist()
        self.decisions = decisions
        if not whole:
            print_on_chief(f"{self.path}: {CUT_OFF}")
        if not (whole and self._has_own_columns()):
            write_csv(self.path, self._rows_of_all(), COLUMNS)
        self.saved = self._state_of_file()

    def _save(self, pairs: Sequence[tuple[int, int]]) -> None:
        """Append decisions to the file; write all of them if it is gone."""
        rows = decision_rows(self.records, pairs)
        if self._state_of_file() is None:
            write_csv(self.path, [*self._rows_of_all(), *rows], COLUMNS)
        else:
            append_csv(self.path, rows, COLUMNS)
        self.saved = self._state_of_file()

    def _has_own_columns(self) -> bool:
        """Return whether rows can be appended; a sheet has other columns."""
        with self.path.open(encoding="utf-8-sig") as lines:
            return lines.readline().strip() == ",".join(COLUMNS)

    def _rows_of_all(self) -> list[dict]:
        decided = np.flatnonzero(self.decisions != UNDECIDED).tolist()
        pairs = [(i, int(self.decisions[i])) for i in decided]
        return decision_rows(self.records, pairs)

    def _state_of_file(self) -> tuple[int, int] | None:
        """Return the size and time of the file, None if there is none."""
        try:
            status = self.path.stat()
        except FileNotFoundError:
            return None
        return status.st_size, status.st_mtime_ns
