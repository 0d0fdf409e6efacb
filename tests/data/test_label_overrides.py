"""Lists of cleaned labels, applied to a training set."""

import dataclasses
import tempfile
from pathlib import Path

import numpy as np
import pytest
from support.label_records import issues_of, records

from fsr_gdw_tf import InvalidInput, arrays
from fsr_gdw_tf.label_quality import issue_table
from fsr_gdw_tf.label_report.cleaned_labels import cleaned_labels

LISTS = {
    "no file": (None, "no such file"),
    "columns": ("a,b\n1,2\n", "columns a,b"),
    "unknown example": ("path,label\n77,0\n", "the first is '77'"),
    "unknown label": (
        "path,label\n0,cat\n",
        "labels that the training set lacks: cat",
    ),
    "twice": ("path,label\n0,0\n0,1\n", "lists an example twice"),
    "weight": ("path,label,weight\n0,0,-1\n", "must be numbers of 0 or more"),
    "weightless": (
        "path,label,weight\n0,0,0\n1,1,1\n",
        "weight 0, the first is '0'",
    ),
}


@pytest.mark.parametrize("case", LISTS)
def test_a_cleaned_list_that_does_not_fit_is_refused(case, tmp_path):
    from fsr_gdw_tf.data.label_overrides import apply_overrides

    text, message = LISTS[case]
    name = tmp_path / "list.csv"
    if text:
        name.write_text(text)
    source = arrays(np.zeros((3, 1)), np.array([0, 1, 1]))
    with pytest.raises(InvalidInput, match=message):
        apply_overrides(source, str(name))


def test_a_file_that_is_listed_twice_keeps_both_labels():
    """The second of two doubles is dropped, and nothing else."""
    from fsr_gdw_tf.data.label_overrides import apply_overrides
    from fsr_gdw_tf.data.source import ArrayReader, Source

    names = ["a", "b", "a", "c"]
    reader = ArrayReader(np.zeros((4, 1)), names)
    source = Source(reader, np.array([0, 1, 1, 0]), ["0", "1"])
    s = dataclasses.replace(
        records([0, 1, 1, 0], np.eye(2)[[0, 1, 0, 0]]),
        names=names,
        class_names=["0", "1"],
    )
    issues = issues_of([0, 0, 0.95, 0], s.given)
    table = cleaned_labels(s, issues, "drop", 0.9)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "list.csv")
        issue_table.write_table(path, table)
        kept = apply_overrides(source, str(path))
    assert kept.rows.tolist() == [0, 1, 3]
    assert kept.labels.tolist() == [0, 1, 0]


def test_a_list_changes_the_test_set_where_it_names_its_examples(tmp_path):
    from fsr_gdw_tf.data.label_overrides import apply_to_both

    whole = arrays(np.zeros((5, 1)), np.array([0, 1, 1, 0, 1]))
    train, test = whole.subset([0, 1, 2]), whole.subset([3, 4])
    path = tmp_path / "list.csv"
    path.write_text("path,label,weight\n0,1,0.5\n2,0,1\n4,0,1\n")
    one, other = apply_to_both(train, test, str(path))
    assert (one.all_names(), one.labels.tolist()) == (["0", "2"], [1, 0])
    assert one.weights.tolist() == [0.5, 1.0]
    assert (other.all_names(), other.labels.tolist()) == (["4"], [0])
    assert other.weights is None
    path.write_text("path,label\n0,1\n1,0\n")
    assert apply_to_both(train, test, str(path))[1] is test
    path.write_text("path,label\n0,1\n4,0\n")
    with pytest.raises(InvalidInput, match="the first is '4'"):
        apply_to_both(train, None, str(path))
