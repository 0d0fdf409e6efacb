"""Decisions of a review: what is saved, and what a fault can cost."""

import os
import threading

import pytest
from support.files import largest_file
from support.review import session, six_labels

from fsr_gdw_tf import InvalidInput
from fsr_gdw_tf.label_report.decisions import (
    DROPPED,
    UNDECIDED,
    read_decisions,
)

NONE = 6 * [UNDECIDED]


def test_each_decision_is_a_line_of_the_file(tmp_path):
    review = session(tmp_path, names=["=a", *"bcdef"])
    review.decide([[0, 1], [2, 1]])
    review.decide([[5, DROPPED]])
    review.decide([[0, UNDECIDED]])
    assert (tmp_path / "decisions.csv").read_text().splitlines() == [
        "index,name,given,label,decision",
        "0,'=a,class 0,class 1,relabel",
        "2,c,class 1,class 1,keep",
        "5,f,class 2,,drop",
        "0,'=a,class 0,,undo",
    ]
    assert review.decisions.tolist() == [-2, -2, 1, -2, -2, -1]


def test_a_new_session_goes_on_where_the_last_one_ended(tmp_path):
    """Ended how it may: nothing is written when a session ends."""
    session(tmp_path).decide([[0, 1], [5, DROPPED]])
    again = session(tmp_path)
    assert again.decisions.tolist() == [1, -2, -2, -2, -2, -1]
    assert again.changes(0)["changed"] == [[0, 1], [5, DROPPED]]


def test_a_line_that_was_cut_off_costs_one_decision(tmp_path, capsys):
    session(tmp_path).decide([[0, 1], [5, DROPPED]])
    file = tmp_path / "decisions.csv"
    os.truncate(file, file.stat().st_size - 4)  # "5,...,,d"
    again = session(tmp_path)
    assert "the last line was cut off" in capsys.readouterr().out
    again.decide([[2, 0]])
    assert session(tmp_path).decisions.tolist() == [1, -2, 0, -2, -2, -2]


def test_tabs_and_servers_see_the_decisions_of_each_other(tmp_path):
    one, other = session(tmp_path), session(tmp_path)
    one.decide([[0, 1]])
    other.decide([[2, DROPPED]])
    one.decide([[0, 0]])
    assert other.changes(0)["changed"] == [[0, 0], [2, DROPPED]]
    version = one.changes(0)["version"]
    other.decide([[5, 1]])
    assert one.changes(version)["changed"] == [[5, 1]]
    assert session(tmp_path).decisions.tolist() == [0, -2, -1, -2, -2, 1]


def test_decisions_at_the_same_time_are_all_saved(tmp_path):
    review = session(tmp_path)
    threads = [
        threading.Thread(target=review.decide, args=([[i % 6, i % 3]],))
        for i in range(60)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = (tmp_path / "decisions.csv").read_text().splitlines()
    assert len(lines) == 61
    assert session(tmp_path).decisions.tolist() == review.decisions.tolist()


def test_on_a_full_disk_a_decision_is_refused_and_none_is_lost(tmp_path):
    review, file = session(tmp_path), tmp_path / "decisions.csv"
    review.decide([[0, 1]])
    with largest_file(file.stat().st_size + 5), pytest.raises(OSError):
        review.decide([[2, 0]])
    assert review.decisions.tolist() == [1, -2, -2, -2, -2, -2]
    review.decide([[5, 1]])
    assert session(tmp_path).decisions.tolist() == [1, -2, -2, -2, -2, 1]


def test_a_file_that_was_deleted_is_written_again(tmp_path):
    review = session(tmp_path)
    review.decide([[0, 1]])
    (tmp_path / "decisions.csv").unlink()
    review.decide([[2, 0]])
    assert session(tmp_path).decisions.tolist() == [1, -2, 0, -2, -2, -2]


def test_a_file_that_was_damaged_is_left_as_it_is(tmp_path):
    review, file = session(tmp_path), tmp_path / "decisions.csv"
    review.decide([[0, 1]])
    text = file.read_text() + "what is this?\n"
    file.write_text(text)
    with pytest.raises(InvalidInput, match="line 3"):
        review.decide([[2, 0]])
    with pytest.raises(InvalidInput, match="line 3"):
        session(tmp_path)
    assert file.read_text() == text
    assert review.decisions.tolist() == [1, -2, -2, -2, -2, -2]


def test_a_sheet_becomes_a_file_of_decisions(tmp_path):
    """And so does one whose columns a spreadsheet program has moved."""
    file = tmp_path / "decisions.csv"
    file.write_text(
        "index,name,given,suggested,score,label_is,true_class\n"
        "0,images/0.jpg,class 0,class 1,0.95,wrong,class 2\n"
    )
    session(tmp_path).decide([[2, 1]])
    records, _ = six_labels()
    assert read_decisions(file, records).tolist() == [2, -2, 1, -2, -2, -2]
    file.write_text(
        "decision,label,given,name,index\nkeep,class 1,class 1,images/2.jpg,2\n"
    )
    session(tmp_path).decide([[0, 1]])
    assert read_decisions(file, records).tolist() == [1, -2, 1, -2, -2, -2]


def test_wrong_labels_are_counted_with_an_interval(tmp_path):
    """One of two suspected above 0.9 is wrong: Wilson, by hand."""
    review = session(tmp_path)
    review.decide([[0, 1], [2, 1]])
    found = review.changes(0)
    assert (found["decided"], found["wrong"]) == (2, 1)
    row = next(r for r in found["estimate"] if r["score"] == "0.9 to 1")
    # p = 1/2, n = 2, q = 1.96^2 / 2: 1/2 +- 1.96 sqrt(1/8 + q/8) / (1 + q).
    assert (row["low"], row["high"]) == pytest.approx(
        (0.0945, 0.9055), abs=1e-4
    )


@pytest.mark.parametrize(
    "choices",
    [
        *(None, {}, "ab", [0, 1], [[0]], [[0, 1, 2]], [[0, "cat"]]),
        *([[6, 0]], [[-1, 0]], [[0, 3]], [[0, -3]], [[True, 1]], [[0, 1.0]]),
        *([[0, None]], [[0, 1], [9, 0]]),
    ],
)
def test_choices_that_are_none_are_refused(choices, tmp_path):
    review = session(tmp_path)
    with pytest.raises(InvalidInput, match=r"examples from 0 to 5 and classes"):
        review.decide(choices)
    assert review.decisions.tolist() == NONE
    assert session(tmp_path).decisions.tolist() == NONE
