"""Splits of a data set, and the clean meta set."""

import numpy as np
import pytest
from support.method_cases import build
from support.models import blobs

from fsr_gdw_tf import InvalidInput, arrays
from fsr_gdw_tf.data import digits, prepare
from fsr_gdw_tf.data.splits import Splits, check_meta


def test_digits_are_real_split_and_disjoint():
    splits = prepare(digits, no_corruption, meta_per_class=5)
    assert (len(splits.train), len(splits.meta)) == (1247, 50)
    assert len(splits.test) == 500
    rows = [set(s.rows) for s in (splits.train, splits.meta, splits.test)]
    assert len(rows[0] | rows[1] | rows[2]) == 1797
    np.testing.assert_array_equal(splits.meta.counts(), 5)
    assert splits.train.load([0, 1]).shape == (2, 8, 8, 1)


def no_corruption(source, rng):
    return source


def test_it_is_told_if_images_that_nobody_checked_are_taken_as_clean(capsys):
    def own():
        digit = digits()
        return Splits(digit.train, digit.test, score_test=True)

    prepare(own, no_corruption, meta_per_class=5)
    line = "META_PER_CLASS=5 takes 50 of your images as clean, whose labels "
    assert line in capsys.readouterr().out
    prepare(digits, no_corruption, meta_per_class=5)
    assert not capsys.readouterr().out


def test_meta_set_is_taken_before_corruption():
    def all_wrong(source, rng):
        wrong = (source.labels + 1) % source.classes
        return source.with_labels(wrong, source.labels)

    splits = prepare(digits, all_wrong, meta_per_class=3)
    truth = dict(zip(*whole_digits(), strict=True))
    assert all(
        truth[r] == y
        for r, y in zip(splits.meta.rows, splits.meta.labels, strict=True)
    )
    assert all(
        truth[r] != y
        for r, y in zip(splits.train.rows, splits.train.labels, strict=True)
    )


def whole_digits():
    splits = digits()
    rows = np.concatenate([splits.train.rows, splits.test.rows])
    return rows, np.concatenate([splits.train.labels, splits.test.labels])


def test_hold_out_gives_every_class_its_share():
    y = np.repeat([0, 1], [90, 10])
    source = arrays(np.zeros((100, 1)), y)
    splits = prepare(lambda: halves(source), no_corruption)
    np.testing.assert_array_equal(splits.test.counts(), [18, 2])


def halves(source):
    from fsr_gdw_tf.data.splits import stratified_split

    return Splits(*stratified_split(source, 20, seed=0))


def test_a_class_without_an_example():
    source = arrays(np.zeros((3, 1)), [0, 2, 0], class_names=list("abc"))
    with pytest.raises(
        InvalidInput, match=r"no example of 1 of 3 classes \(b\)"
    ):
        prepare(lambda: Splits(source, source), no_corruption)


def test_meta_set_larger_than_a_class():
    with pytest.raises(InvalidInput, match="500 per class leaves no training"):
        prepare(digits, no_corruption, meta_per_class=500)


def test_more_training_examples_than_there_are():
    with pytest.raises(InvalidInput, match="must be in 1 to 1297, got 9999"):
        prepare(digits, no_corruption, train_examples=9999)


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({}, "GDW learns from a clean meta set and got none"),
        ({"meta": blobs(n=9)}, "9 of the 9 meta examples are also in the tr"),
    ],
)
def test_a_meta_set_that_cannot_be_used(how, message):
    with pytest.raises(InvalidInput, match=message):
        build("gdw").fit(*blobs(n=9), verbose=0, **how)


def test_overlap_is_seen_by_rows_or_by_content():
    """Equal images in one data set are no overlap; an equal row is."""
    x, y = np.zeros((6, 4), np.float32), np.arange(6) % 3
    whole = arrays(x, y)
    train, meta = whole.subset(np.arange(3)), whole.subset(np.arange(3, 6))
    check_meta(train, meta)
    with pytest.raises(InvalidInput, match="3 of the 3 meta examples"):
        check_meta(whole, meta)
    with pytest.raises(InvalidInput, match="1 of the 6 meta examples"):
        check_meta(train, arrays(x, y))


def test_a_meta_set_without_a_class_is_told():
    x, y = blobs(n=12, seed=7)
    with pytest.warns(UserWarning, match=r"no example of 1 class\(es\): 2"):
        build("gdw").fit(*blobs(), meta=(x[y < 2], y[y < 2]), verbose=0)
