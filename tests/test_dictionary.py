"""The dictionary: scores, members, reward batches; by hand and by property."""

import collections

import numpy as np
import pytest
import tensorflow as tf
from conftest import blob_source, blobs, classifier

from fsr_gdw_tf import (
    FSR,
    Dictionary,
    InputPipeline,
    InvalidInput,
    MixUp,
    arrays,
    example_state,
)
from fsr_gdw_tf.data import CropFlip, Source
from fsr_gdw_tf.dictionary.pushers import (
    NEVER,
    PUSHERS,
    RIGHT,
    WRONG,
    ScoreInputs,
    next_memory_of,
)


def bound(source, batch_size=6, pipeline=None, **kwargs):
    """A dictionary of these data and its classifier."""
    dictionary = Dictionary(**{"pusher": "meta_margin", **kwargs})
    model = classifier(FSR(dictionary), classes=source.classes)
    model.setup(source, pipeline or InputPipeline(batch_size))
    return dictionary, model


def two_classes(order=range(6)):
    """Six examples; the first three are of class 0."""
    x, y = np.eye(6, 4, dtype=np.float32), np.array([0, 0, 0, 1, 1, 1])
    order = np.asarray(order)
    return arrays(x[order], y[order])


def update_scores(dictionary, index, label, loss, p_after):
    """One step in which each label has this probability afterwards."""
    p, label = np.asarray(p_after, np.float32), np.asarray(label)
    probs = np.stack([p, 1 - p], 1)
    probs[label == 1] = probs[label == 1][:, ::-1]
    logits = tf.constant(np.log(probs))
    sight = {
        "label": tf.one_hot(label, 2),
        "loss": tf.constant(loss, tf.float32),
        "logits_after": logits,
        "logits_unmixed": logits,
    }
    dictionary.update_scores({"index": tf.constant(index, tf.int64)}, sight)


LOSS = np.array([1.0, 2.0, 0.5, 0.7, 0.7, 3.0])
P_AFTER = np.array([0.5, 0.5, 0.5, 0.25, 0.5, 0.125])
LN2 = np.log(2)
# 0.1 (loss + ln p); ln .5 = -ln 2, ln .25 = -2 ln 2, ln .125 = -3 ln 2.
SCORES = 0.1 * (LOSS - LN2 * np.array([1, 1, 1, 2, 1, 3]))


def test_scores_and_members_of_six_examples_by_hand():
    source = two_classes()
    dictionary, _ = bound(source, size=4, reward_batch=2)
    update_scores(dictionary, range(6), source.labels, LOSS, P_AFTER)
    np.testing.assert_allclose(dictionary.scores, SCORES, rtol=1e-5)
    # 1 and 0 lead class 0 with .13 and .03; 5 and 4 class 1 with .09, .0007.
    assert dictionary.choose(source, 1).tolist() == [1, 0, 5, 4]
    # Second visit of 2 and 3 only: .9 P + .1 (4 - ln 2), .9 P + .1 (1 - ln 2).
    update_scores(dictionary, [2, 3], [0, 1], [4.0, 1.0], [0.5, 0.5])
    again = 0.9 * SCORES[[2, 3]] + 0.1 * (np.array([4.0, 1.0]) - LN2)
    np.testing.assert_allclose(
        dictionary.scores.numpy()[[2, 3]], again, rtol=1e-5
    )
    assert dictionary.choose(source, 2).tolist() == [2, 1, 5, 4]
    assert dictionary.visits.numpy().tolist() == [1, 1, 2, 2, 1, 1]


def test_members_are_read_and_labelled():
    source = two_classes()
    dictionary, model = bound(source, size=4, reward_batch=2)
    assert dictionary.empty
    update_scores(dictionary, range(6), source.labels, LOSS, P_AFTER)
    dictionary.refresh(model, source, epoch=1)
    assert not dictionary.empty
    np.testing.assert_array_equal(dictionary.held, source.load([1, 0, 5, 4]))
    assert dictionary.labels.numpy().tolist() == [0, 0, 1, 1]


def test_the_order_of_examples_does_not_matter():
    """Neither in batches nor in the data set."""
    whole, _ = bound(two_classes(), size=2, reward_batch=2)
    update_scores(whole, range(6), [0, 0, 0, 1, 1, 1], LOSS, P_AFTER)
    parts, _ = bound(two_classes(), size=2, reward_batch=2)
    for some in ([4, 0], [5, 2, 1], [3]):
        update_scores(
            parts, some, np.array(some) // 3, LOSS[some], P_AFTER[some]
        )
    np.testing.assert_array_equal(whole.scores, parts.scores)
    order = np.array([5, 2, 0, 4, 1, 3])
    source = two_classes(order)
    moved, _ = bound(source, size=2, reward_batch=2)
    update_scores(moved, range(6), source.labels, LOSS[order], P_AFTER[order])
    chosen = order[moved.choose(source, 1)]
    assert chosen.tolist() == whole.choose(two_classes(), 1).tolist() == [1, 5]


def test_ties_are_broken_at_random_and_repeatably():
    source = blob_source(n=60)
    dictionary, _ = bound(source, size=6)
    dictionary.visits.assign(np.ones(60))
    first = dictionary.choose(source, 1)
    np.testing.assert_array_equal(first, dictionary.choose(source, 1))
    assert (first != dictionary.choose(source, 2)).any()
    assert (first > 30).any(), "not simply the first ones"


def test_examples_that_were_never_seen_come_last():
    source = two_classes()
    dictionary, _ = bound(source, size=2, reward_batch=2)
    dictionary.scores.assign([-1.0, -2.0, 0.0, -3.0, 0.0, -4.0])
    dictionary.visits.assign([1, 1, 0, 1, 0, 1])
    assert dictionary.choose(source, 1).tolist() == [0, 3]


def long_tail():
    """Sixteen, six and two examples of three classes."""
    y = np.repeat([0, 1, 2], [16, 6, 2])
    return arrays(np.eye(24, 4, dtype=np.float32), y)


def test_a_short_class_gives_all_it_has():
    """K = 15: five of each class, and the two there are."""
    source, places = long_tail(), [5, 5, 2]
    dictionary, model = bound(source, size=15, reward_batch=12)
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


def test_reward_batches_are_balanced_new_each_step_and_without_repeats():
    source = blob_source(n=60)
    dictionary, model = bound(source, size=30, reward_batch=15)
    dictionary.refresh(model, source, 0)
    one = dictionary.prepare(model, {"label": tf.zeros((1, 3))})
    slots = dictionary.draw(model).numpy()
    assert len(set(slots)) == 15
    np.testing.assert_array_equal(
        tf.reduce_sum(one["meta_label"], 0), [5, 5, 5]
    )
    np.testing.assert_array_equal(
        one["meta_inputs"], source.load(dictionary.members.numpy()[slots])
    )
    model.optimizer.iterations.assign(1)
    assert (dictionary.draw(model).numpy() != slots).any()


def test_a_reward_batch_smaller_than_the_classes_takes_others_each_time():
    source = blob_source(n=60, classes=4)
    dictionary, model = bound(source, size=8, reward_batch=3)
    dictionary.refresh(model, source, 0)
    seen = []
    for step in range(12):
        model.optimizer.iterations.assign(step)
        labels = dictionary.labels.numpy()[dictionary.draw(model).numpy()]
        assert len(set(labels)) == 3
        seen += labels.tolist()
    assert set(seen) == {0, 1, 2, 3}


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


def test_only_members_are_read_never_the_whole_set():
    source, rows = blob_source(n=60), []

    class Counting:
        batched = False
        name = str

        def fetch(self, row):
            def read(r):
                rows.append(int(r))
                return source.reader.inputs.numpy()[int(r)]

            x = tf.numpy_function(read, [row], tf.float32)
            x.set_shape([4])
            return x

    counted = Source(Counting(), source.labels, source.class_names)
    dictionary, model = bound(counted, size=9, reward_batch=3)
    rows.clear()
    dictionary.refresh(model, counted, 1)
    assert sorted(rows) == sorted(dictionary.members.numpy().tolist())


def test_every_example_is_scored_once_per_epoch():
    source = blob_source(n=60)
    dictionary = Dictionary(size=9)
    model = classifier(FSR(dictionary))
    model.fit(source, batch_size=20, epochs=3, verbose=0)
    np.testing.assert_array_equal(dictionary.visits, np.full(60, 3))


def test_a_bank_holds_what_passed_by():
    """Members 1, 0, 5, 4; examples 5 and 3 pass: only 5's slot is renewed."""
    source = two_classes()
    dictionary, model = bound(source, size=4, reward_batch=2, features="bank")
    update_scores(dictionary, range(6), source.labels, LOSS, P_AFTER)
    dictionary.refresh(model, source, 1)
    before = dictionary.held.numpy().copy()
    seen = model.features(source.load([1, 0, 5, 4]), training=False)
    np.testing.assert_allclose(before, seen, rtol=1e-6)
    new = np.arange(16, dtype=np.float32).reshape(2, 8)
    dictionary.update_features(tf.constant([5, 3]), tf.constant(new))
    before[2] = new[0]
    np.testing.assert_allclose(dictionary.held, before, rtol=1e-6)


@pytest.mark.parametrize("regularisers", [[], [MixUp()]])
def test_a_bank_is_filled_by_training_with_unmixed_features(regularisers):
    """One step on ten of thirty members: these slots, and no others."""
    source = blob_source(n=30)
    dictionary = Dictionary(size=30, reward_batch=3, features="bank")
    model = classifier(FSR(dictionary), regularisers=regularisers)
    pipeline = InputPipeline(10)
    model.setup(source, pipeline)
    dictionary.refresh(model, source, 0)
    dictionary.held.assign(tf.zeros_like(dictionary.held))
    batch = next(iter(pipeline.train(source, epochs=1)))
    expected = np.zeros((30, 8), np.float32)
    members = dictionary.members.numpy()
    passing = np.isin(members, batch["index"])
    seen = model.features(source.load(members[passing]), training=False)
    expected[passing] = seen
    model.train_step(batch)
    assert passing.sum() == 10 and (expected != 0).any()
    np.testing.assert_allclose(dictionary.held, expected, rtol=1e-5)


def images(n=12, size=6):
    """Random images of two classes."""
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (n, size, size, 1)).astype(np.uint8)
    return arrays(x, np.arange(n) % 2)


def shown(epoch, step=0):
    """A reward batch of all members, in the order of the members."""
    source = images()
    dictionary = Dictionary(12, 12)
    dictionary.setup(
        Stub(step), source, InputPipeline(6, view=CropFlip(padding=2))
    )
    dictionary.refresh(None, source, epoch)
    batch = dictionary.prepare(Stub(step), {"label": tf.zeros((1, 2))})
    order = np.argsort(dictionary.draw(Stub(step)).numpy())
    return batch["meta_inputs"].numpy()[order]


class Stub:
    """As much of a learner as drawing needs."""

    classes = 2

    def __init__(self, step):
        self.optimizer = self
        self.iterations = tf.constant(step)


def test_frozen_images_are_augmented_once_an_epoch():
    once = shown(epoch=1)
    np.testing.assert_array_equal(once, shown(epoch=1, step=5))
    assert once.dtype == np.uint8
    assert (once != shown(epoch=2)).any()
    plain = images().load(np.r_[0:12:2, 1:12:2])
    assert sorted(once.sum((1, 2, 3))) != sorted(plain.sum((1, 2, 3)))


def test_purity_is_logged_where_the_truth_is_known():
    source = blob_source(n=60)
    wrong = source.relabel((source.labels + (np.arange(60) < 18)) % 3, None)
    known = source.relabel(wrong.labels, source.labels)
    model = classifier(FSR(Dictionary(size=30)))
    logs = model.fit(known, batch_size=20, epochs=2, verbose=0).history
    members = model.method.dictionary.members.numpy()
    assert logs["purity"][-1] == pytest.approx(np.mean(members >= 18))
    assert 0.0 <= logs["score_auroc"][-1] <= 1.0
    assert "purity" not in model.method.report(wrong)


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
        ({"reward_batch": 0}, "a reward batch of 0 cannot be drawn"),
        ({"pusher": "margin"}, "no pusher 'margin': did you mean"),
        ({"features": "banc"}, "no features 'banc': did you mean 'bank'"),
    ],
)
def test_what_cannot_work_is_told_before_training(kwargs, message):
    with pytest.raises(InvalidInput, match=message):
        bound(blob_source(n=60), **kwargs)


def test_a_dataset_without_indices_is_told():
    x, y = blobs()
    model = classifier(FSR())
    with pytest.raises(
        InvalidInput, match=r"dictionary .* needs stable indices"
    ):
        model.fit(tf.data.Dataset.from_tensors((x, y)), verbose=0)


@pytest.mark.parametrize(
    ("features", "message"),
    [
        ("bank", r"30 inputs of 8 \(float32\) takes 8.94e-07 GiB on each"),
        ("fresh", r"30 inputs of 4 \(float32\) takes 4.47e-07 GiB on each"),
    ],
)
def test_a_dictionary_that_does_not_fit_is_told(monkeypatch, features, message):
    monkeypatch.setattr(example_state, "DICTIONARY_GIB", 1e-8)
    with pytest.raises(InvalidInput, match=message):
        bound(blob_source(n=60), size=30, features=features)


def test_a_class_without_examples_is_told():
    source = arrays(*blobs(), class_names=["a", "b", "c", "d"])
    with pytest.raises(
        InvalidInput, match=r"no example of 1 of 4 classes \(d\)"
    ):
        bound(source)


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


def sight(**kwargs):
    """Four examples of class 0 with these logits afterwards."""
    after = [[2.0, 0.0, 1.0], [0.0, 3.0, 1.0], [1.0, 1.0, -1.0], [4.0, 0, 0]]
    start = {
        "score": tf.constant([1.0, -1.0, 0.0, 0.5]),
        "visits": tf.constant([3.0, 1.0, 0.0, 4.0]),
        "memory": tf.constant([RIGHT, RIGHT, NEVER, WRONG]),
        "label": tf.one_hot([0, 0, 0, 0], 3),
        "loss": tf.constant([1.0, 2.0, 3.0, 4.0]),
        "logits_after": tf.constant(after),
        "logits_unmixed": tf.zeros((4, 3)),
    }
    return ScoreInputs(**{**start, **kwargs})


# -ln softmax of the logits above at class 0.
AFTER = np.array([0.407606, 3.169846, 0.758624, 0.035976])
OLD = np.array([1.0, -1.0, 0.0, 0.5])
TOP_TWO = np.array([0.420512, 0.729600, 0.0, 0.946995])


@pytest.mark.parametrize(
    ("pusher", "expected"),
    [
        ("meta_margin", 0.9 * OLD + 0.1 * (np.array([1, 2, 3, 4]) - AFTER)),
        ("unmixed_margin", 0.9 * OLD + 0.1 * (np.log(3) - AFTER)),
        ("negative_loss", 0.9 * OLD - 0.1 * AFTER),
        ("max_margin", 0.9 * OLD + 0.1 * TOP_TWO),
        # Margins 1, -3, 0, 4; averages over 4, 2, 1 and 5 visits.
        ("area_under_margin", [1.0, -2.0, 0.0, 0.5 + 3.5 / 5]),
        # Kept, lost once more, right for the first time, right again.
        ("forgetting", [1.0, -2.0, 0.0, 0.5]),
    ],
)
def test_pushers_by_hand(pusher, expected):
    score = PUSHERS[pusher](sight())
    np.testing.assert_allclose(score, expected, rtol=1e-5, atol=1e-6)


def test_what_was_never_right_is_worse_than_what_was_forgotten():
    one = sight(memory=tf.fill([4], NEVER))
    score = PUSHERS["forgetting"](one).numpy()
    assert score.tolist() == [0.0, -2.0, 0.0, 0.0]
    memory = next_memory_of(one).numpy().tolist()
    assert memory == [RIGHT, NEVER, RIGHT, RIGHT]
    assert next_memory_of(sight()).numpy().tolist() == [
        RIGHT,
        WRONG,
        RIGHT,
        RIGHT,
    ]
