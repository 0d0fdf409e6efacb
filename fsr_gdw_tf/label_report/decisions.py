"""Decisions of people on labels, and the two files that they are read from.

In memory they are an array: for each example the index of the class that it is
to have, or DROPPED, or UNDECIDED. The files are decisions.csv, a row for each
decision in the order in which they were made, of which the last one on an
example counts; and a filled-in verify_me.csv, see `review_sheet`.
"""

import csv
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from fsr_gdw_tf.data.file_lists import open_list
from fsr_gdw_tf.distribution.hosts import print_on_chief
from fsr_gdw_tf.errors import InvalidInput
from fsr_gdw_tf.io.files import one_line_errors
from fsr_gdw_tf.io.spreadsheet import restore
from fsr_gdw_tf.label_quality.label_records import LabelRecords

FILE_NAME = "decisions.csv"
UNDECIDED, DROPPED = -2, -1
# The decision comes last: a line that was cut off has none, or half a word.
COLUMNS = ("index", "name", "given", "label", "decision")
WORDS = ("keep", "relabel", "drop", "undo")
ANSWER, TRUE_CLASS = "label_is", "true_class"  # columns of verify_me.csv
ANSWERS = ("right", "wrong")
CUT_OFF = "the last line was cut off; the decision on it is lost"
LAYOUT = (
    "expected a decisions.csv, as --review writes it, or a copy of "
    "verify_me.csv with 'right' or 'wrong' in the column label_is, or a class "
    "in the column true_class"
)


def read_decisions(name: str | Path, records: LabelRecords) -> np.ndarray:
    """Return the decisions in a file; print if its last line was cut off."""
    decisions, whole = parse_decisions(name, records)
    if not whole:
        print_on_chief(f"{name}: {CUT_OFF}")
    return decisions


def parse_decisions(
    name: str | Path, records: LabelRecords
) -> tuple[np.ndarray, bool]:
    """Return the decisions in a file, and whether its last line is whole.

    A line that was cut off holds no decision, and is left out.
    """
    with (
        one_line_errors(name, "restore a copy of it"),
        open_list(str(name), LAYOUT) as lines,
    ):
        reader = csv.DictReader(lines)
        columns = reader.fieldnames or []
        parse = _parser(str(name), columns)
        rows = [(reader.line_num, row) for row in reader]
    whole = not (rows and "decision" in columns and _is_cut_off(name, rows))
    decisions = np.full(len(records), UNDECIDED, np.int64)
    indices = class_indices(records)
    for line, row in rows if whole else rows[:-1]:
        # Cells that a short line lacks are None, those too many are a list.
        cells = {k: restore(v or "") for k, v in row.items() if k}
        try:
            label = parse(cells, indices)
            if label is not None:
                decisions[find_example(cells, records)] = label
        except ValueError as error:
            raise InvalidInput(f"{name}, line {line}: {error}") from error
    return decisions, whole


def decision_rows(
    records: LabelRecords, choices: Sequence[tuple[int, int]]
) -> list[dict]:
    """Return the rows of decisions.csv for choices of (index, class)."""
    return [
        {
            "index": index,
            "name": str(records.names[index]),
            "given": records.class_names[records.given[index]],
            "label": records.class_names[label] if label >= 0 else "",
            "decision": decision_word(label, records.given[index]),
        }
        for index, label in choices
    ]


def decision_word(label: int, given: int) -> str:
    """Return the word for a decision on an example of the class `given`."""
    words = {UNDECIDED: "undo", DROPPED: "drop", given: "keep"}
    return words.get(label, "relabel")


def count_decisions(decisions: np.ndarray, given: np.ndarray) -> dict[str, int]:
    """Return how many labels are kept, relabelled, dropped and undecided."""
    undecided, dropped = decisions == UNDECIDED, decisions == DROPPED
    kept = decisions == given
    counts = {
        "kept": kept,
        "relabelled": ~(kept | dropped | undecided),
        "dropped": dropped,
        "undecided": undecided,
    }
    return {name: int(which.sum()) for name, which in counts.items()}


def checked_labels(
    decisions: np.ndarray, given: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the indices of decided labels, and which of these are wrong.

    Dropped labels count as wrong.
    """
    indices = np.flatnonzero(decisions != UNDECIDED)
    return indices, decisions[indices] != given[indices]


def class_indices(records: LabelRecords) -> dict[str, int]:
    """Return the index of each class by its name."""
    return {str(name): i for i, name in enumerate(records.class_names)}


def find_example(cells: dict, records: LabelRecords) -> int:
    """Return the index of a row's example; raise if it is of another run.

    cells: the columns index, name and given.
    """
    text, name, given = cells["index"], cells["name"], cells["given"]
    index = int(text) if text.isdecimal() else len(records)
    if index >= len(records) or str(records.names[index]) != name:
        raise ValueError(
            f"this run has no example {text} named {name!r}; pass a file of "
            "this run's report"
        )
    label = records.class_names[records.given[index]]
    if str(label) != given:
        raise ValueError(
            f"in this run the label of example {text} is {label!r}, not "
            f"{given!r}; pass a file of this run's report"
        )
    return index


def class_index(label: str, indices: dict[str, int]) -> int:
    """Return the index of a class; raise if the run has no such class."""
    if not label:
        raise ValueError("relabel needs the name of a class in label")
    if label not in indices:
        raise ValueError(
            f"this run has no class {label!r}; its classes are in "
            "class_summary.csv"
        )
    return indices[label]


def _is_cut_off(name: str | Path, rows: list[tuple[int, dict]]) -> bool:
    """Return whether writing the last line of decisions.csv was interrupted."""
    text = Path(name).read_bytes()
    ended = text.endswith(b"\n") and text.count(b'"') % 2 == 0
    return not ended and rows[-1][1]["decision"] not in WORDS


def _parser(name: str, columns: Sequence[str]) -> Callable:
    """Return the function for rows with these columns; raise if none fits."""
    parse, needed = parse_answer, ("index", "name", "given", ANSWER)
    if "decision" in columns:
        parse, needed = _parse_decision, COLUMNS
    missing = set(needed) - set(columns)
    if missing:
        raise InvalidInput(
            f"{name} has no column {', '.join(sorted(missing))}; {LAYOUT}"
        )
    return parse


def _parse_decision(cells: dict, indices: dict[str, int]) -> int:
    """Return the decision in a row of decisions.csv."""
    word = cells["decision"].strip().lower()
    if word not in WORDS:
        raise ValueError(
            f"expected one of {', '.join(WORDS)} as decision, got {word!r}"
        )
    if word in ("undo", "drop"):
        return UNDECIDED if word == "undo" else DROPPED
    label = cells["label"] if word == "relabel" else cells["given"]
    return class_index(label, indices)


def parse_answer(cells: dict, indices: dict[str, int]) -> int | None:
    """Return the decision in a row of verify_me.csv; None without an answer.

    A wrong label whose true class is not told is dropped.
    """
    answer = cells[ANSWER].strip().lower()
    true, given = cells.get(TRUE_CLASS, ""), cells["given"]
    if answer not in ("", *ANSWERS):
        raise ValueError(f"got {answer!r} as {ANSWER}; {LAYOUT}")
    if answer and true and (answer == "right") != (true == given):
        raise ValueError(
            f"the label {given!r} is said to be {answer}, and its true class "
            f"to be {true!r}; correct one of the two"
        )
    if true:
        return class_index(true, indices)
    if answer == "right":
        return class_index(given, indices)
    return DROPPED if answer else None
