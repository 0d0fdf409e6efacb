"""Hand suspected labels to another program, and take its decisions back."""

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from fsr_gdw_tf.data.source import Source
from fsr_gdw_tf.errors import InvalidInput
from fsr_gdw_tf.io.files import require_inside
from fsr_gdw_tf.io.run_folder import RunFolder
from fsr_gdw_tf.label_exchange.answers import Choices, read_choices
from fsr_gdw_tf.label_exchange.formats import FORMATS, find_file
from fsr_gdw_tf.label_exchange.handover import Handover
from fsr_gdw_tf.label_quality.issue_table import issue_table
from fsr_gdw_tf.label_quality.label_issues import LabelIssues, find_label_issues
from fsr_gdw_tf.label_quality.label_records import LabelRecords, load_records
from fsr_gdw_tf.label_report.decisions import (
    FILE_NAME,
    UNDECIDED,
    count_decisions,
    decision_rows,
    decision_word,
    read_decisions,
)
from fsr_gdw_tf.label_report.gallery import Images, suspected_or_worst
from fsr_gdw_tf.label_report.images import image_paths, of_run
from fsr_gdw_tf.label_review.session import Session


class Exported(NamedTuple):
    """The file to open in another program, and how many labels it has."""

    path: Path
    n_labels: int


class Imported(NamedTuple):
    """Decisions that were taken from a file.

    path: where they are now.
    file, format: what was read.
    counts: what was decided, see `count_decisions`.
    n_new: decisions that were not in `path` already.
    replaced: lines on earlier decisions that they replace.
    disputed: lines on examples whose answers in the file differ.
    """

    path: Path
    file: Path
    format: str
    counts: dict[str, int]
    n_new: int
    replaced: list[str]
    disputed: list[str]


def export_labels(
    folder: RunFolder,
    format_name: str,
    reload: Callable[[], Source],
    top: int | None = None,
    out: str | Path | None = None,
    images_folder: str | None = None,
) -> Exported:
    """Write the most suspicious labels for another program.

    top: how many; by default all that are suspected.
    out: the folder to write to; by default it is in report/.
    reload, images_folder: see `build_report`.
    """
    records = load_records(folder)
    issues = find_label_issues(records)
    report = require_inside(folder.path, folder / "report")
    into = require_inside(folder.path, report / format_name)
    in_files = records.training_info.get("folder") is not None or images_folder
    handover = Handover(
        folder=Path(out) if out else into,
        rows=_rows(records, issues, top, report / FILE_NAME),
        records=records,
        scores=issues.score,
        images=_when_called(lambda: of_run(records, reload, images_folder)),
        paths=image_paths(records, images_folder) if in_files else None,
    )
    path = FORMATS[format_name].write(handover)
    return Exported(path, len(handover.rows))


def import_decisions(
    folder: RunFolder,
    file: str | Path,
    format_name: str | None = None,
    keep_unchanged: bool = False,
) -> Imported:
    """Add the decisions in a file of another program to decisions.csv.

    format_name: by default it is recognised.
    keep_unchanged: see `read_choices`.
    """
    records = load_records(folder)
    path, name = find_file(Path(file).expanduser(), format_name)
    choices = _read(path, name, records, keep_unchanged)
    report = require_inside(folder.path, folder / "report")
    saved = require_inside(folder.path, report / FILE_NAME)
    session = Session(records, find_label_issues(records), saved)
    before, after = session.decisions.copy(), choices.classes
    new = [[i, label] for i, label in after.items() if before[i] != label]
    changed = [i for i, _ in new if before[i] != UNDECIDED]
    session.decide(new)
    return Imported(
        path=saved,
        file=path,
        format=name,
        counts=_counts(records, after),
        n_new=len(new),
        replaced=[_change(records, i, before[i], after[i]) for i in changed],
        disputed=[_title(records, i) for i in choices.disputed],
    )


def _read(
    path: Path, name: str, records: LabelRecords, keep_unchanged: bool
) -> Choices:
    """Return the decisions in a file of a format; raise if it has none."""
    answers = FORMATS[name].read(path)
    choices = read_choices(answers, records, str(path), keep_unchanged)
    if not (choices.classes or choices.disputed):
        raise InvalidInput(
            f"{path} has no decisions, read as {name}; decide in the other "
            "program first, or pass --unchanged=keep if labels without a "
            "change are right"
        )
    return choices


def _counts(records: LabelRecords, classes: dict[int, int]) -> dict[str, int]:
    """Return how many labels were kept, relabelled and dropped."""
    decisions = np.full(len(records), UNDECIDED)
    decisions[list(classes)] = list(classes.values())
    counts = count_decisions(decisions, records.given)
    return {name: n for name, n in counts.items() if name != "undecided"}


def _when_called(make: Callable[[], Images]) -> Images:
    """Return images that are made when the first are asked for.

    Formats without images must not need the data.
    """
    made = functools.cache(make)

    def images(indices: Sequence[int]) -> list[np.ndarray | None]:
        return made()(indices)

    return images


def _rows(
    records: LabelRecords, issues: LabelIssues, top: int | None, saved: Path
) -> list[dict]:
    """Return the rows to hand over, with the decisions so far."""
    indices = suspected_or_worst(issues) if top is None else issues.order[:top]
    decisions = np.full(len(records), UNDECIDED)
    if saved.is_file():
        decisions = read_decisions(saved, records)
    rows = issue_table(records, issues, indices).to_pylist()
    decided = decision_rows(
        records, [(i, int(decisions[i])) for i in indices.tolist()]
    )
    for row, decision in zip(rows, decided, strict=True):
        word = decision["decision"]
        row["label"] = decision["label"]
        row["decision"] = "" if word == "undo" else word
    return rows


def _title(records: LabelRecords, index: int) -> str:
    return f"example {index}, {str(records.names[index])!r}"


def _change(records: LabelRecords, index: int, old: int, new: int) -> str:
    """Return what an earlier decision was, and what it is now."""
    given, names = records.given[index], records.class_names

    def said(label: int) -> str:
        word = decision_word(label, given)
        return f"relabel to {names[label]!r}" if word == "relabel" else word

    return f"{_title(records, index)}: was {said(old)}, now {said(new)}"
