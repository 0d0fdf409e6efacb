"""Lists of cleaned labels."""

import pytest
from support.label_records import ACTIONS, issues_of, records

from fsr_gdw_tf import InvalidInput
from fsr_gdw_tf.label_report.cleaned_labels import cleaned_labels


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
