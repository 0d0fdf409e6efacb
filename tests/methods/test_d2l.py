"""D2L: the local dimension of features."""

import numpy as np
import pytest
from support.models import TWO, at_epoch, blob_source, classifier, labels_of

from fsr_gdw_tf import InputPipeline
from fsr_gdw_tf.methods import D2L
from fsr_gdw_tf.methods.d2l import local_dimensions


def test_local_dimension_of_three_points():
    """At 0, 1, 3 with two neighbours: -2 / log of the ratio of distances."""
    found = local_dimensions(np.array([[0.0], [1.0], [3.0]]), 2)
    expected = 2 / np.log([3, 2, 1.5])
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_uniform_points_have_the_dimension_of_their_space():
    points = np.random.default_rng(0).uniform(size=(500, 3))
    assert local_dimensions(points, 20).mean() == pytest.approx(3, abs=0.4)


def test_labels_count_less_once_the_dimension_turns():
    """10 is more than two deviations above the mean of 5, 4, 3, 3, 3."""
    method = D2L(start=0, window=5)
    model = classifier(method)
    measured, shares = [5, 4, 3, 3, 3, 3, 10, 3], []
    for epoch, dimension in enumerate(measured):
        method.mean_dimension = lambda *args, value=dimension: value
        method.begin_epoch(at_epoch(model, epoch, 20), None, None)
        shares.append(float(method.alpha))
    late = [np.exp(-6 / 20 * 10 / 3), np.exp(-7 / 20)]
    np.testing.assert_allclose(shares, [1] * 6 + late, rtol=1e-6)


@pytest.mark.parametrize("n", [257, 258])
def test_the_dimension_of_a_data_set_that_no_batch_divides(n):
    """The one or two examples left over have no neighbours to speak of."""
    method, source = D2L(), blob_source(n=n)
    model = at_epoch(classifier(method))
    method.setup(model, source, InputPipeline(20))
    assert 1 < method.mean_dimension(model, source) < 9


def test_a_dimension_that_cannot_be_measured_is_passed_over():
    """As at the beginning, where all features may coincide."""
    method = D2L(start=0, window=1)
    model = classifier(method)
    for epoch, dimension in enumerate([-1e8, 0.0, 5.0, 5.0]):
        method.mean_dimension = lambda *args, value=dimension: value
        method.begin_epoch(at_epoch(model, epoch, 20), None, None)
    assert float(method.alpha) == 1 and float(method.lowest) == 5


def test_what_labels_lose_the_prediction_gains():
    """Label 1 at alpha = .6, p = (3/4, 1/4)."""
    method = D2L()
    method.alpha.assign(0.6)
    found = method.objective(labels_of(2, 1), TWO[:1], None)
    expected = -0.6 * np.log(0.25) - 0.4 * np.log(0.75)
    np.testing.assert_allclose(found, [expected], rtol=1e-6)
