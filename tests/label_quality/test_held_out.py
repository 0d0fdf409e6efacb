"""Labels of the test set are scored beside those that were trained on."""

import dataclasses

import numpy as np
import pytest
from support.label_records import records, simulated

from fsr_gdw_tf import arrays
from fsr_gdw_tf.label_quality.held_out import with_held_out
from fsr_gdw_tf.label_quality.label_issues import find_label_issues
from fsr_gdw_tf.label_quality.label_records import read_records, write_records
from fsr_gdw_tf.label_quality.reasons import Reasons
from fsr_gdw_tf.label_report.cleaned_labels import cleaned_labels

PROBS = np.array([[0.1, 0.7, 0.2], [0.8, 0.15, 0.05]], np.float32)


def trained(**columns):
    probs = [[0.9, 0.06, 0.04], [0.2, 0.7, 0.1], [0.1, 0.1, 0.8]]
    return records([0, 1, 2], probs, **columns)


def held_out(labels=(0, 0)):
    x = np.zeros((len(labels), 1))
    return arrays(x, np.array(labels), ["class 0", "class 1", "class 2"])


def test_a_prediction_is_recorded_as_one_visit(tmp_path):
    weights = {"weight": np.array([1.0, 0.4, 0.7]), "zero_weight": np.zeros(3)}
    found = with_held_out(trained(**weights), held_out(), PROBS)
    write_records(tmp_path / "labels.parquet", found)
    found = read_records(tmp_path / "labels.parquet")
    assert found.held_out.tolist() == [False] * 3 + [True] * 2
    assert found.given.tolist() == [0, 1, 2, 0, 0]
    assert found.columns["visits"].tolist() == [10, 10, 10, 1, 1]
    np.testing.assert_allclose(found.columns["probability"][3:], [0.1, 0.8])
    assert found.columns["disagreement"][3:].tolist() == [1, 0]
    assert found.top[3:].tolist() == [[1, 2, 0], [0, 1, 2]]
    np.testing.assert_allclose(found.top_probs[3], [0.7, 0.2, 0.1])
    # No weight was given to them: the mean stays what it was, 0.7.
    assert found.columns["weight"].mean() == pytest.approx(0.7)
    assert list(found.names[3:]) == ["0", "1"]


def test_rows_are_added_once():
    once = with_held_out(trained(), held_out(), PROBS)
    assert with_held_out(once, held_out(), PROBS) is once


def test_their_reason_says_that_they_were_not_trained_on():
    found = with_held_out(trained(), held_out(), PROBS)
    reason = Reasons(found)(3)
    assert "model predicts class 1 (0.70), not class 0 (0.10)" in reason
    assert "held out: the network was not trained on it" in reason
    assert "held out" not in Reasons(found)(1)


def test_wrong_held_out_labels_have_the_highest_scores():
    """Of 400 held-out labels 80 are wrong; the network mostly knows."""
    all_of_them = simulated(4400, classes=5)
    rows = np.arange(4400) % 11 == 0
    train, test = all_of_them.subset(~rows), all_of_them.subset(rows)
    train = train.__class__(**{**vars(train), "names": range(len(train))})
    probs = np.zeros((len(test), 5), np.float32)
    np.put_along_axis(probs, test.top, test.top_probs, axis=1)
    source = arrays(np.zeros((len(test), 1)), test.given, list("abcde"))
    source = source.with_labels(test.given, test.true)
    found = with_held_out(train, source, probs)
    score = find_label_issues(found).score[found.held_out]
    worst = np.argsort(-score)[:60]
    assert (test.given != test.true)[worst].mean() > 0.9


@pytest.mark.parametrize("action", ["drop", "relabel", "weights"])
def test_held_out_labels_change_by_decisions_alone(action):
    found = with_held_out(trained(), held_out(), PROBS)
    issues = find_label_issues(found)
    issues.score[3] = 0.99
    table = cleaned_labels(found, issues, action, 0.9).to_pydict()
    assert table["label"][3:] == ["class 0", "class 0"]
    if action == "weights":
        assert table["weight"][3:] == [1.0, 1.0]
    decisions = np.array([-2, -2, -2, 2, -2])
    table = cleaned_labels(
        found, issues, action, 0.9, decisions=decisions
    ).to_pydict()
    assert table["label"][3:] == ["class 2", "class 0"]


def test_held_out_labels_leave_the_scores_of_training_labels_alone():
    train, probs = simulated(2000), np.repeat(PROBS[:1], 50, axis=0)
    train = dataclasses.replace(train, names=range(2000))
    alone = find_label_issues(train).score
    probs = np.pad(probs, ((0, 0), (0, 2)))
    source = arrays(np.zeros((50, 1)), np.zeros(50, int), list("abcde"))
    source = source.with_labels(source.labels, np.zeros(50, int))
    found = with_held_out(train, source, probs)
    np.testing.assert_allclose(find_label_issues(found).score[:2000], alone)


def test_errors_of_the_network_are_no_wrong_labels():
    """It contradicts half of what it has not seen, and trusts its training.

    So few labels are wrong, and half of the held-out ones are not suspected.
    """
    train = dataclasses.replace(simulated(2000, noise=0.02), names=range(2000))
    share = find_label_issues(train).score.mean()
    test = simulated(400, noise=0.5, seed=1)
    probs = np.zeros((400, 5), np.float32)
    np.put_along_axis(probs, test.top, test.top_probs, axis=1)
    source = arrays(np.zeros((400, 1)), test.given, list("abcde"))
    source = source.with_labels(test.given, test.given)
    issues = find_label_issues(with_held_out(train, source, probs))
    assert share < 0.05
    assert issues.score[2000:].max() <= share / 0.45
    assert not issues.is_issue[2000:].any()
