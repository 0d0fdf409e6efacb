"""The sheet on which labels are reviewed by hand."""

import csv

import numpy as np
import pytest
from support.label_records import issues_of, records

from fsr_gdw_tf import InvalidInput
from fsr_gdw_tf.io.files import write_csv
from fsr_gdw_tf.label_report import review_sheet


def test_precision_is_estimated_from_a_filled_in_sheet(tmp_path):
    """100 examples above .9, 18 of 20 wrong; 900 below .1, 2 of 20 wrong."""
    given = np.zeros(1000, int)
    score = np.where(np.arange(1000) < 100, 0.95, 0.05)
    s = records(given, np.tile([0.5, 0.5], (1000, 1)))
    issues = issues_of(score, given)
    sheet = tmp_path / "verify_me.csv"
    review_sheet.write_sheet(sheet, s, issues)
    with sheet.open() as opened:
        rows = list(csv.DictReader(opened))
    assert len(rows) == 40 and {row["label_is"] for row in rows} == {""}
    high = [row for row in rows if row["score"] == "0.95"]
    low = [row for row in rows if row["score"] == "0.05"]
    assert len(high) == len(low) == 20
    for some, wrong in ((high, 18), (low, 2)):
        for i, row in enumerate(some):
            row["label_is"] = " Wrong" if i < wrong else "right"
    write_csv(sheet, rows)
    answers = review_sheet.read_answers(str(sheet), s)
    found = {
        r["score"]: r for r in review_sheet.estimate_noise(issues, *answers)
    }
    assert list(found) == ["0 to 0.1", "0.9 to 1", "0.5 or more", "all"]
    top = found["0.9 to 1"]
    assert (top["examples"], top["checked"], top["wrong"]) == (100, 20, 18)
    # Wilson's interval of 18 in 20 at 95 %.
    assert (top["low"], top["high"]) == (0.699, 0.9721)
    everyone = found["all"]
    # .1 of the examples at .9, .9 of them at .1.
    assert everyone["share_wrong"] == pytest.approx(0.18)
    assert everyone["low"] < 0.18 < everyone["high"]
    # Nearly all is known from the lower band: 0.016 to 0.301 for 2 in 20.
    assert everyone["high"] - everyone["low"] < 0.3
    # And of one band alone it is that band's interval.
    assert [found["0.5 or more"][k] for k in ("low", "high")] == pytest.approx(
        [top["low"], top["high"]], abs=1e-3
    )


def test_bands_without_examples_have_no_estimate():
    """No score is 0.5 or more; 5 of 10 checked labels of the rest are wrong."""
    issues = issues_of(np.full(100, 0.05), np.zeros(100, int))
    wrong = np.arange(10) < 5
    rows = review_sheet.estimate_noise(issues, np.arange(10), wrong)
    assert [row["score"] for row in rows] == ["0 to 0.1", "all"]
    assert [row["share_wrong"] for row in rows] == [0.5, 0.5]


def test_a_sheet_that_was_begun_is_not_written_over(tmp_path):
    s = records([0, 1], np.eye(2))
    issues, sheet = issues_of([0.1, 0.9], s.given), tmp_path / "sheet.csv"
    review_sheet.write_sheet(sheet, s, issues)
    empty = sheet.read_text()
    review_sheet.write_sheet(sheet, s, issues)
    assert sheet.read_text() == empty
    with sheet.open() as opened:
        rows = list(csv.DictReader(opened))
    write_csv(sheet, [row | {"label_is": "wrong"} for row in rows])
    begun = sheet.read_text()
    review_sheet.write_sheet(sheet, s, issues)
    assert sheet.read_text() == begun and "wrong" in begun


SHEETS = {
    "other columns": ("path,verdict\na,1\n", "no column given, index"),
    "no answer": ("{head}\n0,images/0.jpg,a,b,0.9,\n", "has no answers"),
    "another word": ("{head}\n0,images/0.jpg,a,b,0.9,maybe\n", "'maybe'"),
    "another run": ("{head}\n0,cat.jpg,a,b,0.9,wrong\n", "no example 0 named"),
    "out of range": (
        "{head}\n9,images/9.jpg,a,b,0.9,wrong\n",
        "no example 9 named",
    ),
}


@pytest.mark.parametrize("case", SHEETS)
def test_a_sheet_that_is_none_is_refused(case, tmp_path):
    text, message = SHEETS[case]
    sheet = tmp_path / "sheet.csv"
    sheet.write_text(text.format(head=",".join(review_sheet.COLUMNS)))
    s = records([0, 1], np.eye(2))
    with pytest.raises(InvalidInput, match=message):
        review_sheet.read_answers(str(sheet), s)


def test_a_sheet_that_is_not_there_is_refused():
    with pytest.raises(InvalidInput, match="no such file"):
        review_sheet.read_answers("nothing.csv", records([0, 1], np.eye(2)))
