"""Linear discriminant analysis without the farthest examples."""

import numpy as np
import pytest

from fsr_gdw_tf.stages.discriminant import fit, fit_robust, mixture_weights


def test_two_classes_on_a_line_by_hand():
    """Means 1 and 12; offsets -1, 1, -2, 2: a variance of 2.5."""
    found = fit([np.array([[0.0], [2.0]]), np.array([[10.0], [14.0]])])
    assert found.means.tolist() == [[1.0], [12.0]]
    np.testing.assert_allclose(found.precision, [[0.4]])
    kernel, bias = found.linear()
    # mean / variance, and -mean^2 / (2 variance).
    np.testing.assert_allclose(kernel, [[0.4, 4.8]])
    np.testing.assert_allclose(bias, [-0.2, -28.8])
    distances = found.distances(np.array([[0.0], [16.0]]), np.array([0, 1]))
    np.testing.assert_allclose(distances, [0.4, 6.4])
    # Halfway between the means both classes are as probable.
    np.testing.assert_allclose(found.probs(np.array([[6.5]])), [[0.5, 0.5]])


@pytest.mark.parametrize("seed", range(4))
def test_wrong_labels_do_not_move_the_means(seed):
    """Three of ten examples of class 0 lie where class 1 is."""
    rng = np.random.default_rng(seed)
    right, wrong = rng.normal(0, 0.1, (7, 1)), rng.normal(9, 0.1, (3, 1))
    other = rng.normal(9, 0.1, (10, 1))
    x = np.concatenate([right, wrong, other])
    labels = np.repeat([0, 1], 10)
    found = fit_robust(x, labels, 0.7, rng)
    np.testing.assert_allclose(found.means[0], right.mean(axis=0))
    assert found.probs(wrong).argmax(axis=1).tolist() == [1, 1, 1]
    # Of all examples the mean is 2.7, and a third of the class is lost.
    assert fit_robust(x, labels, 1.0, rng).means[0].mean() > 2


@pytest.mark.parametrize(
    ("likelihoods", "expected"),
    [
        ([[0.8, 0.8], [0.4, 0.4]], [1, 0]),
        ([[0.9, 0.1], [0.1, 0.9]], [0.5, 0.5]),
        # 2 log w + log(1 - w) is largest at w = 2/3.
        ([[1, 1, 0], [0, 0, 1]], [2 / 3, 1 / 3]),
    ],
)
def test_mixtures_of_largest_likelihood(likelihoods, expected):
    found = mixture_weights(np.array(likelihoods))
    np.testing.assert_allclose(found, expected, atol=1e-6)
