"""What counts as a decision in the answers of another program."""

import numpy as np
import pytest
from support.label_records import records

from fsr_gdw_tf import InvalidInput
from fsr_gdw_tf.label_exchange.answers import class_name, read_choices, text
from fsr_gdw_tf.label_report.decisions import DROPPED

OWN = {"index": "1", "name": "images/1.jpg", "given": "class 1"}
FOUND = records([0, 1, 2], np.eye(3))
CASES = {  # label, decision, the decision; of a column to fill in, and shown
    "nothing": ("", "", None, None),
    "same": ("class 1", "", 1, None),
    "changed": ("class 2", "", 2, 2),
    "keep": ("", "keep", 1, 1),
    "kept label": ("class 1", " Keep", 1, 1),
    "relabel": ("class 0", "relabel", 0, 0),
    "drop": ("class 1", "drop", DROPPED, DROPPED),
    "undo": ("class 2", "undo", None, None),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("shown", [False, True])
def test_a_label_and_a_word_make_a_decision(case, shown):
    label, word, *expected = CASES[case]
    cells = OWN | {"label": label, "decision": word, "shown": shown}
    found = read_choices([("line 2", cells)], FOUND, "f").classes
    decided = expected[shown]
    assert found == ({} if decided is None else {1: decided})


def test_an_unchanged_label_is_kept_on_demand():
    cells = OWN | {"label": "class 1", "shown": True}
    found = read_choices([("line 2", cells)], FOUND, "f", keep_unchanged=True)
    assert found.classes == {1: 1}


def test_different_answers_on_an_example_are_no_decision():
    answers = [("a", OWN | {"label": f"class {c}"}) for c in (0, 2, 0)]
    found = read_choices(answers, FOUND, "f")
    assert found.classes == {} and found.disputed == [1]


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ({"label": "cow"}, "f, line 2: this run has no class 'cow'"),
        ({"decision": "maybe"}, "or nothing as decision, got 'maybe'"),
        ({"decision": "keep", "label": "class 0"}, "correct one of the two"),
        ({"decision": "relabel"}, "relabel needs the name of a class"),
        ({"given": "class 2"}, "the label of example 1 is 'class 1'"),
    ],
)
def test_answers_that_do_not_fit_name_their_place(cells, message):
    with pytest.raises(InvalidInput, match=message):
        read_choices([("line 2", OWN | cells)], FOUND, "f")


def test_cells_of_other_programs_are_texts():
    values = [None, float("nan"), 7, 7.0, 0.5, "a", True]
    assert list(map(text, values)) == ["", "", "7", "7", "0.5", "a", "True"]


def test_a_number_stands_for_a_class_if_classes_are_listed():
    names = ["a", "b"]
    assert [class_name(x, names) for x in (1, "b", -1, None)] == [
        *("b", "b", "", "")
    ]
    assert class_name(1, []) == "1"
    with pytest.raises(IndexError):
        class_name(2, names)
