"""Which labels are found to be wrong, and how certainly."""

import numpy as np
import pytest
from support.label_records import records, simulated
from support.models import blobs, classifier

from fsr_gdw_tf import InvalidInput
from fsr_gdw_tf.label_quality.label_issues import find_label_issues
from fsr_gdw_tf.label_report import summary


@pytest.mark.parametrize("noise", [0.05, 0.2, 0.4])
def test_the_score_is_a_probability(noise):
    """Of the labels with a score of about p, a share of about p is wrong."""
    s = simulated(noise=noise)
    score = find_label_issues(s).score
    assert score.mean() == pytest.approx(s.wrong.mean(), abs=0.03)
    for low, high in ((0.0, 0.1), (0.1, 0.5), (0.5, 0.9), (0.9, 1.0)):
        some = (score >= low) & (score <= high)
        assert (
            s.wrong[some].mean() == pytest.approx(score[some].mean(), abs=0.15)
            or some.sum() < 50
        )
    assert summary.detection_metrics(s, find_label_issues(s))["auroc"] > 0.95


def test_clean_labels_are_not_accused():
    issues = find_label_issues(simulated(noise=0.0))
    assert issues.score.mean() < 0.01
    assert issues.is_issue.mean() < 0.01


def test_a_class_is_not_suspected_for_being_rare():
    """Noise of 10 % everywhere; the rarest class has 1 % of the largest."""
    sizes = np.array([5000, 1500, 500, 150, 50])
    s = simulated(int(sizes.sum()), noise=0.1, sizes=sizes)
    rare = (s.true == 4) & ~s.wrong
    # The network gives many of its right labels less than one half ...
    assert np.median(s.columns["probability"][rare]) < 0.5
    # ... and still few of them are reported.
    assert find_label_issues(s).is_issue[rare].mean() < 0.1


def test_more_evidence_never_makes_a_label_more_suspicious():
    s = simulated(noise=0.3)
    issues = find_label_issues(s)
    for c in range(5):
        mine = np.flatnonzero(s.given == c)
        rising = mine[np.argsort(s.columns["probability"][mine])]
        assert (np.diff(issues.score[rising]) <= 1e-6).all()
        expected = np.arange(1, len(mine) + 1)
        np.testing.assert_array_equal(np.sort(issues.rank[mine]), expected)
        worst = mine[np.argmin(issues.rank[mine])]
        assert s.columns["probability"][worst] <= np.quantile(
            s.columns["probability"][mine], 0.01
        )


def test_the_suggestion_is_the_best_class_that_was_not_given():
    s = simulated(noise=0.2)
    issues = find_label_issues(s)
    found = issues.is_issue & s.wrong
    assert (issues.suggested[found] == s.true[found]).mean() > 0.9
    np.testing.assert_array_equal(
        issues.suggested[~issues.is_issue], s.given[~issues.is_issue]
    )
    assert (issues.suggested[issues.is_issue] != s.given[issues.is_issue]).all()


@pytest.mark.parametrize("n", [2, 7])
def test_a_handful_of_examples_is_judged_without_complaint(n):
    probs = np.tile([0.7, 0.2, 0.1], (n, 1))
    issues = find_label_issues(records(np.zeros(n, int), probs))
    assert np.isfinite(issues.score).all() and not issues.is_issue.any()


def test_examples_that_were_never_counted_are_not_accused():
    s = simulated(noise=0.2)
    seen = np.arange(len(s)) % 10 > 0
    s.columns["visits"] = np.where(seen, 10.0, 0.0)
    s.columns["probability"] = np.where(seen, s.columns["probability"], 0.0)
    issues = find_label_issues(s)
    assert not issues.is_issue[~seen].any()
    assert issues.score[~seen].max() < 0.3
    only = find_label_issues(s.subset(seen))
    np.testing.assert_array_equal(issues.score[seen], only.score)


def test_a_run_that_has_counted_nothing_has_no_verdict():
    s = records([0, 1], np.eye(2), visits=np.zeros(2))
    with pytest.raises(
        InvalidInput, match="expected recorded predictions, got none"
    ):
        find_label_issues(s)


def test_a_run_that_has_diverged_has_no_verdict():
    s = records([0, 1], np.eye(2), probability=np.array([np.nan, 1.0]))
    with pytest.raises(InvalidInput, match="got NaN: training has diverged"):
        find_label_issues(s)


def test_a_class_of_which_nothing_was_learned_is_not_accused():
    """Three examples among thousands, which the network never predicts."""
    s = simulated(noise=0.1, sizes=np.array([1000, 1000, 1000, 1000, 3]))
    rare = np.flatnonzero(s.true == 4)
    s.given[rare] = 4
    s.columns["probability"][rare] = 0.001
    s.top[rare] = np.arange(5)
    s.top_probs[rare] = [0.9, 0.06, 0.02, 0.019, 0.001]
    # Were it not for wrong labels of that class.
    others = np.flatnonzero((s.given == 4) & (s.true != 4))
    s.given[others] = (s.true[others] + 1) % 4
    s.columns["probability"][others] = 0.01
    issues = find_label_issues(s)
    assert not issues.is_issue[rare].any()
    assert issues.score[rare].max() <= 0.5


def test_what_the_network_predicts_is_no_issue():
    """The odds against a label of .6 are 2 to 3; it is the best class."""
    probs = np.tile([0.6, 0.3, 0.1], (50, 1))
    probs[:40] = [0.98, 0.01, 0.01]
    issues = find_label_issues(records(np.zeros(50, int), probs))
    assert not issues.is_issue.any()
    assert issues.score.max() <= 2 / 3 + 1e-6


def test_wrong_labels_are_found_from_python():
    x, y = blobs(n=300)
    given = y.copy()
    given[:30] = (given[:30] + 1) % 3
    built = classifier(track_labels=True)
    built.fit(x, given, epochs=12, batch_size=20, verbose=0)
    issues = built.label_issues()
    assert {row["index"] for row in issues} == set(range(30))
    for row in issues:
        assert row["given"] == str(given[row["index"]])
        assert row["suggested"] == str(y[row["index"]])
        assert row["is_label_issue"] and row["score"] > 0.5
    scores = [row["score"] for row in issues]
    assert scores == sorted(scores, reverse=True)
