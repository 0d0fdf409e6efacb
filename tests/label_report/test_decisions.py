"""Decisions on labels, and the files that they are read from."""

import numpy as np
import pytest
from support.label_records import records

from fsr_gdw_tf import InvalidInput
from fsr_gdw_tf.io.files import write_csv
from fsr_gdw_tf.label_report import decisions
from fsr_gdw_tf.label_report.decisions import (
    COLUMNS,
    DROPPED,
    UNDECIDED,
    decision_rows,
    parse_decisions,
    read_decisions,
)

HEAD = "index,name,given,label,decision\n"
SHEET = "index,name,given,suggested,score,label_is,true_class\n"


def four():
    """Four examples, images/0.jpg to images/3.jpg, of class 0, 0, 1, 2."""
    return records([0, 0, 1, 2], np.eye(3)[[0, 0, 1, 2]])


def read(tmp_path, text, of=None):
    file = tmp_path / "decisions.csv"
    file.write_text(text, encoding="utf-8", newline="")
    return read_decisions(file, of or four()).tolist()


def test_the_last_decision_on_an_example_counts(tmp_path):
    text = HEAD + (
        "0,images/0.jpg,class 0,class 0,keep\n"
        "1,images/1.jpg,class 0,class 2,relabel\n"
        "2,images/2.jpg,class 1,,drop\n"
        "0,images/0.jpg,class 0,class 1,relabel\n"
        "2,images/2.jpg,class 1,,undo\n"
        "3,images/3.jpg,class 2,, Drop \n"
    )
    assert read(tmp_path, text) == [1, 2, UNDECIDED, DROPPED]


def test_a_sheet_is_read_as_decisions(tmp_path):
    """A wrong label whose class is not told is dropped."""
    text = SHEET + (
        "3,images/3.jpg,class 2,class 0,0.9,wrong,class 0\n"
        "2,images/2.jpg,class 1,class 0,0.9,wrong,\n"
        "1,images/1.jpg,class 0,class 0,0.1,right,\n"
        "0,images/0.jpg,class 0,class 1,0.7,,class 2\n"
    )
    assert read(tmp_path, text) == [2, 0, DROPPED, 0]
    unanswered = SHEET + "0,images/0.jpg,class 0,class 1,0.7,,\n"
    assert read(tmp_path, unanswered) == 4 * [UNDECIDED]


def test_names_that_look_like_formulas_or_lines_come_back(tmp_path):
    of = four()
    names = ["=1+1", 'a,"b"\n.jpg', "'@x", "\u202eabc"]
    of = of.__class__(**{**of.__dict__, "names": names})
    rows = decision_rows(of, [(0, 1), (1, 0), (2, DROPPED), (3, 2)])
    assert [row["decision"] for row in rows] == [
        *("relabel", "keep", "drop", "keep")
    ]
    write_csv(tmp_path / "decisions.csv", rows, COLUMNS)
    assert "\n0,'=1+1," in (tmp_path / "decisions.csv").read_text()
    found = read_decisions(tmp_path / "decisions.csv", of)
    assert found.tolist() == [1, 0, DROPPED, 2]


def test_a_file_that_was_cut_off_anywhere_loses_one_decision(tmp_path, capsys):
    """Whatever was written of the last line; and the reader says so."""
    of = four()
    names = ["0", "1", 'keep,keep\n"keep"\n', "3"]
    of = of.__class__(**{**of.__dict__, "names": names})
    file = tmp_path / "decisions.csv"
    rows = decision_rows(of, [(0, 1), (1, DROPPED), (2, 1)])
    write_csv(file, rows[:2], COLUMNS)
    before = file.stat().st_size
    write_csv(file, rows, COLUMNS)
    text = file.read_bytes()
    for size in range(before, len(text) + 1):
        file.write_bytes(text[:size])
        found, whole = parse_decisions(file, of)
        assert found[:2].tolist() == [1, DROPPED]
        there = size >= len(text) - 1  # all but the end of the line
        assert found[2] == (1 if there else UNDECIDED), text[:size]
        assert whole == (there or size == before)
    file.write_bytes(text[:-3])
    read_decisions(file, of)
    assert "the last line was cut off" in capsys.readouterr().out


BAD = {
    "columns": ("path,label\na,b\n", "has no column given, index"),
    "decision": (HEAD + "0,images/0.jpg,class 0,,maybe\n", "'maybe'"),
    "class": (
        HEAD + "0,images/0.jpg,class 0,cat,relabel\n",
        "line 2: this run has no class 'cat'",
    ),
    "gone": (
        HEAD + "9,images/9.jpg,class 0,,drop\n",
        "no example 9 named 'images/9.jpg'",
    ),
    "other name": (HEAD + "0,a.jpg,class 0,,drop\n", "no example 0 named"),
    "other label": (
        HEAD + "0,images/0.jpg,class 1,,drop\n",
        "the label of example 0 is 'class 0', not 'class 1'",
    ),
    "negative": (HEAD + "-1,images/0.jpg,class 0,,drop\n", "no example -1"),
    "contradiction": (
        SHEET + "0,images/0.jpg,class 0,class 1,0.9,right,class 1\n",
        "correct one of the two",
    ),
    "null bytes": (HEAD + "0,\x00,class 0,,drop\n", "decisions.csv"),
    "cut off in the middle": (
        HEAD + "0,ima\n1,images/1.jpg,class 0,,drop\n",
        "line 2: expected one of keep",
    ),
    "wide": (HEAD + "0,images/0.jpg,class 0,,drop,1,2\n1,a\n1,b\n", "line 3"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_file_that_does_not_fit_is_refused_in_one_line(case, tmp_path):
    text, message = BAD[case]
    with pytest.raises(InvalidInput, match=message) as error:
        read(tmp_path, text)
    assert "\n" not in str(error.value)


def test_a_file_of_bytes_is_refused_in_one_line(tmp_path):
    file = tmp_path / "decisions.csv"
    file.write_bytes(bytes(range(256)))
    with pytest.raises(InvalidInput, match="not UTF-8"):
        read_decisions(file, four())
    with pytest.raises(InvalidInput, match="no such file"):
        read_decisions(tmp_path / "none.csv", four())


def test_decisions_are_counted():
    """Dropped labels count as wrong ones."""
    given = np.array([0, 0, 1, 2])
    decided = np.array([0, 1, DROPPED, UNDECIDED])
    assert decisions.count_decisions(decided, given) == {
        "kept": 1,
        "relabelled": 1,
        "dropped": 1,
        "undecided": 1,
    }
    indices, wrong = decisions.checked_labels(decided, given)
    assert indices.tolist() == [0, 1, 2]
    assert wrong.tolist() == [False, True, True]
