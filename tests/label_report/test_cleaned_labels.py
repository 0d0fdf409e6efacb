"""Lists of cleaned labels."""

import numpy as np
import pytest
from support.label_records import ACTIONS, issues_of, records

from fsr_gdw_tf import InvalidInput
from fsr_gdw_tf.label_report.cleaned_labels import cleaned_labels
from fsr_gdw_tf.label_report.decisions import DROPPED, UNDECIDED


@pytest.mark.parametrize("action", ACTIONS)
def test_a_cleaned_list_leaves_out_changes_or_weighs(action):
    s = records([0, 1, 1], [[0.9, 0.1], [0.8, 0.2], [0.4, 0.6]])
    issues = issues_of([0.2, 0.95, 0.7], s.given)
    rows = cleaned_labels(s, issues, action, 0.9).to_pylist()
    assert [tuple(row.values()) for row in rows] == ACTIONS[action]


def test_a_cleaned_list_does_not_lose_a_class():
    s = records([0, 1, 1], [[0.9, 0.1], [0.8, 0.2], [0.7, 0.3]])
    issues = issues_of([0.2, 0.95, 0.92], s.given)
    for action in ACTIONS:
        with pytest.raises(InvalidInput, match="such as 'class 1'; raise the"):
            cleaned_labels(s, issues, action, 0.9)


DECIDED = {
    "keep": [("0", "class 1"), ("2", "class 1"), ("3", "class 1")],
    "drop": [("0", "class 1"), ("2", "class 1")],
    "relabel": [("0", "class 1"), ("2", "class 1"), ("3", "class 0")],
    "weights": [
        ("0", "class 1", 1.0),
        ("2", "class 1", 1.0),
        ("3", "class 1", 0.0),
    ],
}


@pytest.mark.parametrize("action", DECIDED)
def test_decisions_come_before_the_action_on_the_others(action):
    """0 is relabelled, 1 dropped, 2 kept; 3 is suspected and undecided."""
    s = records([0, 0, 1, 1], np.eye(2)[[0, 1, 0, 0]])
    issues = issues_of([0.1, 0.2, 0.99, 0.95], s.given)
    decisions = np.array([1, DROPPED, 1, UNDECIDED])
    names = ["0", "1", "2", "3"]
    table = cleaned_labels(s, issues, action, 0.9, names, decisions)
    rows = [tuple(row.values()) for row in table.to_pylist()]
    assert rows == DECIDED[action]


def test_a_class_may_be_emptied_by_decisions_but_not_by_the_threshold():
    s = records([0, 1], np.eye(2)[[0, 0]])
    issues = issues_of([0.1, 0.95], s.given)
    gone = np.array([UNDECIDED, 0])
    rows = cleaned_labels(s, issues, "drop", 0.9, decisions=gone).to_pylist()
    assert [row["label"] for row in rows] == ["class 0", "class 0"]
    with pytest.raises(InvalidInput, match="such as 'class 1'; raise the"):
        cleaned_labels(s, issues, "drop", 0.9, decisions=gone * 0 + UNDECIDED)
