"""What came back from another program, as decisions.

A reader of a format yields (where, cells) for each answer: its place in the
file, and texts by column as in decisions.csv (index, name, given, label,
decision), or `file`, the name of the example's image, in place of the first
three. `shown` is true where the label is filled in before anybody has looked.
"""

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from fsr_gdw_tf.errors import InvalidInput
from fsr_gdw_tf.io.spreadsheet import restore
from fsr_gdw_tf.label_exchange.handover import index_of_file
from fsr_gdw_tf.label_quality.label_records import LabelRecords
from fsr_gdw_tf.label_report.decisions import (
    ANSWER,
    DROPPED,
    WORDS,
    class_index,
    class_indices,
    find_example,
    parse_answer,
)

Answer = tuple[str, dict]
LAYOUT = (
    "expected the columns index, name, given, and label or decision, as "
    "`report --export` writes them"
)


class Choices(NamedTuple):
    """Decisions by example index, and examples with answers that differ."""

    classes: dict[int, int]
    disputed: list[int]


def read_choices(
    answers: Iterable[Answer],
    records: LabelRecords,
    file: str,
    keep_unchanged: bool = False,
) -> Choices:
    """Return the decisions in the answers of a file.

    keep_unchanged: whether a label that was filled in, and came back as it
        was, counts as kept; by default it is undecided.
    """
    indices, found = class_indices(records), {}
    for where, cells in answers:
        try:
            index = _example(cells, records)
            given = str(records.class_names[records.given[index]])
            label = _choice(cells, given, indices, keep_unchanged)
        except ValueError as error:
            raise InvalidInput(f"{file}, {where}: {error}") from error
        if label is not None:
            found.setdefault(index, set()).add(label)
    return Choices(
        classes={i: c.pop() for i, c in found.items() if len(c) == 1},
        disputed=[i for i, c in found.items() if len(c) > 1],
    )


def text(value: object) -> str:
    """Return a cell of JSON or Parquet as text; a missing one is empty."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""  # pandas reads empty cells as NaN
    whole = isinstance(value, float) and value.is_integer()
    return str(int(value) if whole else value)


def class_name(label: object, names: Sequence[str]) -> str:
    """Return a label as text; a number stands for one of the names.

    Negative numbers stand for no label, as in Hugging Face's data sets.
    """
    if names and isinstance(label, int):
        return text(names[label]) if label >= 0 else ""
    return text(label)


def _example(cells: dict, records: LabelRecords) -> int:
    """Return the index of the example that an answer is about."""
    index = index_of_file(cells.get("file") or "", records)
    if index is not None:
        return index
    missing = {"index", "name", "given"} - set(cells)
    if missing:
        raise ValueError(f"it has no {', '.join(sorted(missing))}; {LAYOUT}")
    return find_example(cells, records)


def _choice(
    cells: dict, given: str, indices: dict[str, int], keep_unchanged: bool
) -> int | None:
    """Return the class that an answer chooses, DROPPED, or None if none."""
    if ANSWER in cells:  # a review sheet
        return parse_answer(cells, indices)
    word = (cells.get("decision") or "").strip().lower()
    label = cells.get("label") or ""
    if label not in indices:  # a program has read it from a CSV file of ours
        label = restore(label)
    if word not in ("", *WORDS):
        raise ValueError(
            f"expected one of {', '.join(WORDS)} or nothing as decision, got "
            f"{word!r}"
        )
    if word in ("undo", "drop"):
        return DROPPED if word == "drop" else None
    if cells.get("shown"):  # what is seen there is the label
        changed = label not in ("", given)
        word = "" if changed else word or ("keep" if keep_unchanged else "")
        label = label if changed else ""
    if word == "keep" and label not in ("", given):
        raise ValueError(
            f"the label {given!r} is said to be kept, and to be {label!r}; "
            "correct one of the two"
        )
    if word == "keep":
        return class_index(given, indices)
    return class_index(label, indices) if label or word else None
