"""Label noise and long tails."""

import numpy as np
import pytest
from support.models import blob_source

from fsr_gdw_tf import InvalidInput, arrays
from fsr_gdw_tf.data import corruption
from fsr_gdw_tf.data.source import Source


def balanced(per_class=500, classes=10, names=None) -> Source:
    y = np.repeat(np.arange(classes), per_class)
    return arrays(np.zeros((len(y), 1), np.float32), y, names)


def spoil(source, seed=0, **kwargs):
    return corruption.corrupt(source, rng=np.random.default_rng(seed), **kwargs)


def test_uniform_spoils_exactly_its_rate_and_spares_no_class():
    spoilt = spoil(balanced(), noise=0.4)
    # 5,000 draws: standard deviation .007
    assert corruption.realised_rate(spoilt) == pytest.approx(0.4, abs=0.025)
    matrix = corruption.realised_matrix(spoilt)
    np.testing.assert_array_equal(matrix.sum(1), 500)
    off = matrix[~np.eye(10, dtype=bool)]
    assert off.min() > 5 and off.max() < 50  # 22 expected


def test_uniform_over_all_classes_leaves_a_tenth_right():
    """The official codes' "40 %" is 36 % with ten classes."""
    spoilt = spoil(balanced(), noise=0.4, kind="uniform_all")
    assert corruption.realised_rate(spoilt) == pytest.approx(0.36, abs=0.025)


@pytest.mark.parametrize(
    ("law", "row"),
    [
        (corruption.uniform, [0.7, 0.1, 0.1, 0.1]),
        (corruption.uniform_all, [0.775, 0.075, 0.075, 0.075]),
    ],
)
def test_first_row_of_a_uniform_matrix(law, row):
    source = balanced(1, 4)
    np.testing.assert_allclose(law(source, 0.3)[0], row)


def test_flip_sends_each_class_to_one_other():
    matrix = corruption.flip(balanced(1), 0.2)
    np.testing.assert_allclose(np.diag(matrix), 0.8)
    assert ((matrix > 0).sum(1) == 2).all()
    np.testing.assert_array_equal(matrix, corruption.flip(balanced(9), 0.2))


def test_asymmetric_uses_cifar10s_pairs():
    source = balanced(1, names=corruption.CIFAR10_NAMES)
    matrix = corruption.asymmetric(source, 0.4)
    moved = {(9, 1), (2, 0), (3, 5), (5, 3), (4, 7)}
    assert set(zip(*np.where(np.isclose(matrix, 0.4)), strict=True)) == moved
    assert [matrix[c, c] for c in (0, 1, 6, 7, 8)] == [1.0] * 5


def test_asymmetric_stays_in_the_superclass():
    source = balanced(1, 5)
    groups = [0, 1, 0, 1, 0]
    source = Source(
        source.reader,
        source.labels,
        list("abcde"),
        superclasses=groups,
    )
    target = corruption.asymmetric(source, 1.0).argmax(1)
    np.testing.assert_array_equal(target, [2, 3, 4, 1, 0])


def test_asymmetric_without_superclasses_is_the_next_class():
    target = corruption.asymmetric(balanced(1, 4), 1.0).argmax(1)
    np.testing.assert_array_equal(target, [1, 2, 3, 0])


def test_any_matrix():
    swap = [[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    spoilt = spoil(blob_source(n=9), matrix=swap)
    np.testing.assert_array_equal(spoilt.labels, [1, 0, 2] * 3)
    np.testing.assert_array_equal(spoilt.true_labels, [0, 1, 2] * 3)


@pytest.mark.parametrize(
    ("mu", "counts"),
    [
        # Class counts that the code of GDW makes of 4,900 images a class.
        (0.1, [4900, 3793, 2937, 2274, 1760, 1363, 1055, 817, 632, 490]),
        (0.01, [4900, 2937, 1760, 1055, 632, 379, 227, 136, 81, 49]),
    ],
)
def test_long_tail_has_the_papers_class_counts(mu, counts):
    tail = spoil(balanced(4900), imbalance=mu)
    np.testing.assert_array_equal(tail.counts(), counts)


def test_long_tail_then_noise_keeps_the_true_labels():
    tail = spoil(balanced(100), imbalance=0.1, noise=0.3)
    true_counts = np.bincount(tail.true_labels)
    assert true_counts[0] == 100 and true_counts[9] == 10
    assert corruption.realised_rate(tail) == pytest.approx(0.3, abs=0.08)


def test_noise_comes_on_top_of_known_noise():
    """True labels that the data brought are not overwritten by noisy ones."""
    source = blob_source(n=6).with_labels(
        np.array([1, 1, 2, 0, 1, 2]), np.array([0, 1, 2] * 2)
    )
    spoilt = spoil(source, noise=1.0)
    np.testing.assert_array_equal(spoilt.true_labels, [0, 1, 2] * 2)


def test_the_seed_decides():
    one, same, other = (spoil(balanced(), s, noise=0.4) for s in (0, 0, 1))
    np.testing.assert_array_equal(one.labels, same.labels)
    assert (one.labels != other.labels).any()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"noise": 1.2}, r"noise rate must be in \[0, 1\], got 1.2"),
        ({"noise": -0.1}, r"noise rate must be in \[0, 1\], got -0.1"),
        ({"noise": 0.4, "kind": "unifrom"}, "did you mean 'uniform'"),
        ({"imbalance": 0.0}, r"in \(0, 1\], got 0.0"),
        ({"matrix": [[1.0, 0.0]]}, r"must be 3 x 3 .* got shape \(1, 2\)"),
        ({"matrix": np.full((3, 3), 0.5)}, "sum to 1, got row sums 1.5"),
    ],
)
def test_bad_settings_are_answered(settings, message):
    with pytest.raises(InvalidInput, match=message):
        spoil(blob_source(), **settings)
