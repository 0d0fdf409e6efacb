"""The splits of runs that belong to others."""

import numpy as np
import pytest
from support.models import blob_source, mislabelled

from fsr_gdw_tf import InvalidInput
from fsr_gdw_tf.data.label_overrides import listed_examples, write_list
from fsr_gdw_tf.data.splits import Splits
from fsr_gdw_tf.data.stage_splits import known_label_splits, listed_splits


def test_lists_of_training_examples_are_both_sets(tmp_path):
    """Also the tested ones keep the labels that they are given."""
    source = mislabelled(n=30)
    lists = {"train": np.arange(0, 30, 2), "test": np.array([7, 1, 3])}
    for name, index in lists.items():
        path = tmp_path / f"{name}.csv"
        write_list(path, source, index)
        assert listed_examples(source, str(path)).tolist() == index.tolist()
    found = listed_splits(
        lambda: Splits(source, blob_source()),
        *(str(tmp_path / f"{name}.csv") for name in lists),
    )
    for name, index in lists.items():
        part = getattr(found, name)
        np.testing.assert_array_equal(part.labels, source.labels[index])
        np.testing.assert_array_equal(part.rows, source.rows[index])


def test_a_list_that_lacks_a_class_trains_and_keeps_the_test_set(tmp_path):
    source, test = blob_source(n=30), blob_source(n=9, seed=1)
    rest = np.flatnonzero(source.labels != 1)
    write_list(tmp_path / "train.csv", source, rest)
    splits = Splits(source, test, others={"other": test})
    found = listed_splits(lambda: splits, str(tmp_path / "train.csv"))
    assert found.train.counts()[1] == 0
    assert found.train.classes == source.classes
    assert found.test is test and found.others == {"other": test}


def test_clean_images_join_with_labels_that_are_known_to_be_wrong():
    """A quarter of 40 is wrong; none of them counts as verified."""
    train, meta = mislabelled(n=30), blob_source(n=40, seed=3)
    splits = Splits(train, blob_source(), meta, meta_in_training=True)
    found = known_label_splits(lambda: splits, noise=0.25, seed=1)
    assert len(found.train) == 70 and not found.meta_in_training
    assert found.train.n_clean == 0
    np.testing.assert_array_equal(found.train.labels[:30], train.labels)
    np.testing.assert_array_equal(found.train.labels[30:], found.known.labels)
    np.testing.assert_array_equal(found.train.true_labels[30:], meta.labels)
    np.testing.assert_array_equal(found.known.true_labels, meta.labels)
    wrong = np.mean(found.known.labels != meta.labels)
    assert 0.1 < wrong < 0.4
    np.testing.assert_array_equal(
        found.train.load(range(30, 70)), meta.load(range(40))
    )


def test_known_labels_need_a_clean_set():
    with pytest.raises(InvalidInput, match="set META_PER_CLASS"):
        known_label_splits(lambda: Splits(blob_source(), blob_source()))
