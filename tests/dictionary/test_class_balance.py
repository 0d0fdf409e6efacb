"""Sizes of the dictionary and of reward batches, and members per class."""

import collections

import numpy as np
import pytest
from support.dictionaries import dictionary_of
from support.models import blob_source, blobs, classifier

from fsr_gdw_tf import FSR, Dictionary, InputPipeline, InvalidInput, arrays
from fsr_gdw_tf.data import Source


def long_tail():
    """Sixteen, six and two examples of three classes."""
    y = np.repeat([0, 1, 2], [16, 6, 2])
    return arrays(np.eye(24, 4, dtype=np.float32), y)


def test_a_short_class_gives_all_it_has():
    """K = 15: five of each class, and the two there are."""
    source, places = long_tail(), [5, 5, 2]
    dictionary, model = dictionary_of(source, size=15, reward_batch=12)
    assert dictionary.members_per_class(source, 0).tolist() == places
    dictionary.refresh(model, source, 0)
    members = dictionary.members.numpy()
    assert np.bincount(source.labels[members]).tolist() == places
    assert len(set(members)) == len(members)
    # The reward batch stays balanced: the two of class 2 come twice each.
    slots = dictionary.draw(model).numpy()
    drawn = collections.Counter(members[slots])
    assert np.bincount(dictionary.labels.numpy()[slots]).tolist() == [4, 4, 4]
    assert drawn[22] == drawn[23] == 2
    assert all(drawn[i] <= 1 for i in range(22))


def test_with_fewer_places_than_classes_classes_take_turns():
    """iNaturalist in FSR: 8,142 classes, K = 2,000. Here seven and three."""
    source = blob_source(n=70, classes=7, dim=7)
    dictionary = Dictionary(size=3, reward_batch=2, rotate=True)
    model = classifier(FSR(dictionary), dim=7, classes=7)
    model.setup(source, InputPipeline(10))
    turns = [
        np.flatnonzero(dictionary.members_per_class(source, epoch))
        for epoch in range(7)
    ]
    assert all(len(turn) == 3 for turn in turns)
    assert set(np.concatenate(turns[:3])) == set(range(7))
    assert collections.Counter(np.concatenate(turns).tolist()) == dict.fromkeys(
        range(7), 3
    )
    model.fit(source, batch_size=10, epochs=3, verbose=0)
    labels = dictionary.labels.numpy()
    assert set(labels) == set(turns[3])
    drawn = labels[dictionary.draw(model).numpy()]
    assert len(set(drawn)) == 2


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"size": 2}, "a dictionary of 2 has no room .* 3 classes; raise"),
        ({"size": 61}, "of 61 is larger than the training set of 60"),
        (
            {"size": 30, "reward_batch": 10},
            "batch of 10 cannot hold .* 3 classes; take 9 or 12",
        ),
        (
            {"size": 10, "reward_batch": 10},
            "same number of each of 3 classes; take 9$",
        ),
        ({"size": 9, "reward_batch": 12}, "cannot be drawn from a dict.* of 9"),
        ({"reward_batch": 0}, "reward_batch must be 1 or more, got 0"),
        ({"pusher": "margin"}, "no pusher 'margin': did you mean"),
        ({"features": "banc"}, "no features 'banc': did you mean 'bank'"),
    ],
)
def test_what_cannot_work_is_told_before_training(kwargs, message):
    with pytest.raises(InvalidInput, match=message):
        dictionary_of(blob_source(n=60), **kwargs)


def test_a_class_without_examples_is_told():
    source = arrays(*blobs(), class_names=["a", "b", "c", "d"])
    with pytest.raises(
        InvalidInput, match=r"no example of 1 of 4 classes \(d\)"
    ):
        dictionary_of(source)


@pytest.mark.parametrize(
    ("n", "classes", "batch", "sizes"),
    [
        # A sixth of the data, at most 2,000 in all; q about a batch.
        (50_000, 10, 100, (2000, 100)),
        (50_000, 100, 128, (2000, 100)),
        (1247, 10, 100, (200, 100)),
        (65_944, 50, 16, (2000, 16)),
        (60, 3, 32, (9, 9)),
        (12, 3, 4, (3, 3)),
        (13, 2, 4, (2, 2)),
        (437_513, 8142, 32, (8142, 32)),
    ],
)
def test_default_sizes(n, classes, batch, sizes):
    source = Source(None, np.arange(n) % classes, [*map(str, range(classes))])
    assert Dictionary().sizes(source, batch) == sizes


def test_a_default_draw_fits_a_size_that_was_asked_for():
    """Ten members, three classes: nine are drawn."""
    assert Dictionary(10).sizes(blob_source(n=60), 32) == (10, 9)
