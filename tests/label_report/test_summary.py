"""The numbers of the label report."""

import numpy as np
import pytest
from support.label_records import issues_of, records, simulated

from fsr_gdw_tf.label_quality.label_issues import find_label_issues
from fsr_gdw_tf.label_report import summary


def test_the_report_says_when_wrong_labels_cannot_be_counted():
    """Where the network agrees with all, and where it has learned half."""
    s = simulated(noise=0.2)
    issues = find_label_issues(s)
    assert not summary.overall_summary(s, issues)["noise_estimate_unreliable"]
    calm = issues_of(np.full(len(s), 0.01), s.given)
    assert summary.overall_summary(s, calm)["noise_estimate_unreliable"]
    s.columns["disagreement"] = np.full(len(s), 0.001)
    assert summary.overall_summary(s, issues)["noise_estimate_unreliable"]


def test_wilsons_interval():
    """Worked by hand: 8 of 10 at 95 %; z = 1.96."""
    low, high = summary.wilson(8, 10)
    assert (low, high) == pytest.approx((0.4902, 0.9433), abs=1e-4)
    assert summary.wilson(0, 10) == pytest.approx((0.0, 0.2775), abs=1e-4)
    assert summary.wilson(0, 0) == (0.0, 1.0)


def test_quality_is_counted_where_the_truth_is_known():
    s = records([0, 0, 1, 1], np.eye(2)[[0, 1, 1, 0]], [0, 1, 1, 1])
    issues = issues_of([0.1, 0.9, 0.2, 0.8], s.given, [0, 1, 1, 0])
    found = summary.detection_metrics(s, issues)
    assert found == {
        "auroc": 1.0,
        "average_precision": 1.0,
        "precision_at_1": 1.0,
        "precision_of_issues": 0.5,
        "recall_of_issues": 1.0,
        "suggestion_right": 1.0,
    }
    unknown = records([0, 1], np.eye(2))
    assert summary.detection_metrics(unknown, issues_of([0, 0], [0, 1])) == {}


def test_the_class_table_shows_imbalance_and_noise_side_by_side():
    given = [0] * 20 + [1] * 4 + [2] * 1
    s = records(given, np.eye(3)[given], weight=np.arange(25.0))
    score = [0.5] * 20 + [0.25] * 4 + [0.0]
    rows = summary.class_summary(s, issues_of(score, given), {"class 1": 0.5})
    assert [r["n"] for r in rows] == [20, 4, 1]
    assert [r["part"] for r in rows] == ["head", "medium", "tail"]
    assert [r["effective_n"] for r in rows] == [10, 3, 1]
    assert [r["noise"] for r in rows] == [0.5, 0.25, 0]
    assert [r["mean_weight"] for r in rows] == [9.5, 21.5, 24]
    assert [r["recall"] for r in rows] == [None, 0.5, None]
    # Wilson's interval of 10 in 20 at 95 %.
    assert rows[0]["noise_low"] == pytest.approx(0.2993, abs=1e-4)
    assert rows[0]["noise_high"] == pytest.approx(0.7007, abs=1e-4)


def test_the_noise_matrix_counts_given_and_suggested():
    s = records([0, 0, 1, 2], np.eye(3)[[0, 1, 1, 0]])
    issues = issues_of([0, 1, 0, 1], s.given, [0, 1, 1, 0])
    matrix = summary.noise_matrix(s, issues)
    assert matrix.tolist() == [[1, 1, 0], [0, 1, 0], [1, 0, 0]]
