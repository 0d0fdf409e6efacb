"""CSV files with the names of others open as texts, not as formulas."""

import csv
import dataclasses
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from support.label_records import issues_of, records

from fsr_gdw_tf import arrays
from fsr_gdw_tf.data.file_lists import read_file_list
from fsr_gdw_tf.data.label_overrides import apply_overrides
from fsr_gdw_tf.data.source import ArrayReader, Source
from fsr_gdw_tf.experiments.run_info import write_corruption_matrix
from fsr_gdw_tf.io.files import read_csv, write_csv
from fsr_gdw_tf.io.run_folder import RunFolder
from fsr_gdw_tf.io.spreadsheet import neutralise, neutralise_table, restore
from fsr_gdw_tf.label_quality.issue_table import (
    write_issues,
    write_noise_matrix,
    write_table,
)
from fsr_gdw_tf.label_report.cleaned_labels import cleaned_labels
from fsr_gdw_tf.label_report.review_sheet import read_answers, write_sheet
from fsr_gdw_tf.paper_figures.run import Run

STARTS = "=+-@\t\r"
NAMES = [
    *(f"{start}cmd|'/C calc'!A0" for start in STARTS),
    *("'=a", "''-a", "'a", "it's", "-", "=", "'", "", "a=b", "-a.jpg"),
]
NUMBERS = ["-1", "+2.5", "-1e-3", "3"]
EVIL = '=HYPERLINK("http:"&A1)'


def cells(path) -> list[str]:
    with path.open(newline="", encoding="utf-8") as file:
        return [cell for row in csv.reader(file) for cell in row]


def assert_no_formula(path) -> None:
    for cell in cells(path):
        assert not cell.startswith(tuple(STARTS)) or is_number(cell), cell


def is_number(text: str) -> bool:
    return text.lstrip("+-").replace(".", "").replace("e-", "").isdecimal()


@pytest.mark.parametrize("text", NAMES + NUMBERS)
def test_a_text_is_restored_and_no_formula(text):
    cell = neutralise(text)
    assert restore(cell) == text
    assert text in NUMBERS or not cell.startswith(tuple(STARTS))
    assert (cell == text) == (
        text in NUMBERS
        or not text.strip("'")[:1]
        or text.strip("'")[0] not in STARTS
    )


def test_numbers_stay_numbers(tmp_path):
    rows = [{"a": -1, "b": -0.5, "c": "-2", "d": np.float64(-3.5)}]
    write_csv(tmp_path / "a.csv", rows)
    assert cells(tmp_path / "a.csv")[4:] == ["-1", "-0.5", "-2", "-3.5"]
    assert read_csv(tmp_path / "a.csv") == [
        {"a": -1.0, "b": -0.5, "c": -2.0, "d": -3.5}
    ]


def test_tables_of_both_writers_are_read_back(tmp_path):
    names = [name for name in NAMES if name]  # an empty cell is left out
    write_csv(tmp_path / "a.csv", [{"=n": name} for name in names])
    table = neutralise_table(pa.table({"=n": names, "x": range(len(names))}))
    write_table(tmp_path / "b.csv", table.select(["x"]))
    assert_no_formula(tmp_path / "a.csv")
    assert [row["=n"] for row in read_csv(tmp_path / "a.csv")] == names
    assert table["=n"].to_pylist() == list(map(neutralise, names))
    assert table["x"].type == pa.int64()


@pytest.fixture
def evil():
    """Return records and issues whose names and classes are formulas."""
    found = records([0, 1, 1], [[0.9, 0.1], [0.8, 0.2], [0.1, 0.9]])
    names = [f"{EVIL}{i}" for i in range(3)]
    found = dataclasses.replace(
        found, names=names, class_names=["@SUM(1)", "-2+3"]
    )
    return found, issues_of([0.1, 0.9, 0.2], [0, 1, 1], [0, 0, 1])


def test_label_issues_and_matrices_hold_no_formula(tmp_path, evil):
    found, issues = evil
    write_issues(tmp_path / "a.csv", found, issues)
    write_noise_matrix(
        tmp_path / "b.csv", found.class_names, np.eye(2, dtype=int)
    )
    source = arrays(np.zeros((2, 1)), [0, 1], found.class_names)
    source = source.with_labels(source.labels, source.labels)
    write_corruption_matrix(RunFolder(tmp_path), source)
    for path in tmp_path.iterdir():
        assert_no_formula(path)
    rows = read_csv(tmp_path / "a.csv")
    assert {row["name"] for row in rows} == set(found.names)
    assert {row["given"] for row in rows} == set(found.class_names)
    rows = read_csv(tmp_path / "b.csv")
    assert list(rows[0]) == ["given", *found.class_names]


def test_a_filled_in_sheet_is_read_back(tmp_path, evil):
    found, issues = evil
    sheet = tmp_path / "verify_me.csv"
    write_sheet(sheet, found, issues)
    assert_no_formula(sheet)
    with sheet.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        row["label_is"] = "wrong"
    with sheet.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0])  # as a spreadsheet program
        writer.writeheader()
        writer.writerows(rows)
    indices, wrong = read_answers(str(sheet), found)
    assert sorted(indices) == [0, 1, 2] and wrong.all()


@pytest.mark.parametrize("action", ["drop", "relabel", "weights"])
def test_a_cleaned_list_names_the_same_examples(action, tmp_path, evil):
    found, issues = evil
    path = tmp_path / "list.csv"
    write_table(path, cleaned_labels(found, issues, action, 0.95))
    assert_no_formula(path)
    reader = ArrayReader(np.zeros((3, 1)), found.names)
    source = Source(reader, found.given, found.class_names)
    again = apply_overrides(source, str(path))
    assert again.all_names() == found.names
    np.testing.assert_array_equal(again.labels, found.given)
    listed = read_file_list(str(path), "")
    assert listed.labels == [found.class_names[c] for c in found.given]
    assert [Path(p).name for p in listed.paths] == found.names


def test_tracked_class_weights_are_read_back_by_the_figures(tmp_path):
    rows = [
        {"index": 0, "name": EVIL, "given": "-2+3", "true": "@a", "class": "=b"}
    ]
    write_csv(tmp_path / "class_weights.csv", rows)
    assert_no_formula(tmp_path / "class_weights.csv")
    read = Run(tmp_path, "run").class_weights
    assert {k: v[0] for k, v in read.items()} == rows[0]
