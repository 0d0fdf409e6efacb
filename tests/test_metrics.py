"""Metrics against scikit-learn and literal numbers."""

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, recall_score

from fsr_gdw_tf.metrics import CalibrationError, PerClassAccuracy


def test_balanced_accuracy_over_batches_is_scikit_learns():
    rng = np.random.default_rng(0)
    y, probs = rng.integers(0, 4, 50), rng.dirichlet(np.ones(4), 50)
    metric = PerClassAccuracy(4)
    for part in np.split(np.arange(50), [20, 31]):
        metric.update_state(np.eye(4)[y[part]], probs[part])
    guess = probs.argmax(1)
    expected = balanced_accuracy_score(y, guess)
    assert float(metric.result()) == pytest.approx(expected, abs=1e-6)
    recalls = recall_score(y, guess, average=None)
    np.testing.assert_allclose(metric.per_class(), recalls, rtol=1e-6)


def test_a_class_that_was_not_seen_does_not_count():
    metric = PerClassAccuracy(3)
    metric.update_state(np.eye(3)[[0, 1]], np.eye(3)[[0, 0]])
    assert float(metric.result()) == pytest.approx(0.5)
    assert np.isnan(metric.per_class()[2])


def test_calibration_error_by_hand():
    """Bins of 1/15: .95 and .95 share one (right, wrong), .6 is alone."""
    probs = np.array([[0.95, 0.05], [0.05, 0.95], [0.6, 0.4]])
    metric = CalibrationError()
    metric.update_state(np.eye(2)[[0, 0, 0]], probs)
    expected = (abs(1.9 - 1) + abs(0.6 - 1)) / 3
    assert float(metric.result()) == pytest.approx(expected, rel=1e-5)


def test_full_confidence_falls_into_the_last_bin():
    metric = CalibrationError(bins=10)
    metric.update_state(np.eye(2)[[0, 1]], np.eye(2)[[0, 0]])
    assert float(metric.result()) == pytest.approx(0.5)
