"""The dictionary: scores, members, reward batches and the feature bank."""

import numpy as np
import pytest
import tensorflow as tf
from support.dictionaries import (
    LN2,
    LOSS,
    P_AFTER,
    SCORES,
    Stub,
    dictionary_of,
    two_classes,
    update_scores,
)
from support.models import blob_source, blobs, classifier

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


def test_scores_and_members_of_six_examples_by_hand():
    source = two_classes()
    dictionary, _ = dictionary_of(source, size=4, reward_batch=2)
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
    dictionary, model = dictionary_of(source, size=4, reward_batch=2)
    assert dictionary.empty
    update_scores(dictionary, range(6), source.labels, LOSS, P_AFTER)
    dictionary.refresh(model, source, epoch=1)
    assert not dictionary.empty
    np.testing.assert_array_equal(dictionary.content, source.load([1, 0, 5, 4]))
    assert dictionary.labels.numpy().tolist() == [0, 0, 1, 1]


def test_the_order_of_examples_does_not_matter():
    """Neither in batches nor in the data set."""
    whole, _ = dictionary_of(two_classes(), size=2, reward_batch=2)
    update_scores(whole, range(6), [0, 0, 0, 1, 1, 1], LOSS, P_AFTER)
    parts, _ = dictionary_of(two_classes(), size=2, reward_batch=2)
    for some in ([4, 0], [5, 2, 1], [3]):
        update_scores(
            parts, some, np.array(some) // 3, LOSS[some], P_AFTER[some]
        )
    np.testing.assert_array_equal(whole.scores, parts.scores)
    order = np.array([5, 2, 0, 4, 1, 3])
    source = two_classes(order)
    moved, _ = dictionary_of(source, size=2, reward_batch=2)
    update_scores(moved, range(6), source.labels, LOSS[order], P_AFTER[order])
    chosen = order[moved.choose(source, 1)]
    assert chosen.tolist() == whole.choose(two_classes(), 1).tolist() == [1, 5]


def test_ties_are_broken_at_random_and_repeatably():
    source = blob_source(n=60)
    dictionary, _ = dictionary_of(source, size=6)
    dictionary.visits.assign(np.ones(60))
    first = dictionary.choose(source, 1)
    np.testing.assert_array_equal(first, dictionary.choose(source, 1))
    assert (first != dictionary.choose(source, 2)).any()
    assert (first > 30).any(), "not simply the first ones"


def test_examples_that_were_never_seen_come_last():
    source = two_classes()
    dictionary, _ = dictionary_of(source, size=2, reward_batch=2)
    dictionary.scores.assign([-1.0, -2.0, 0.0, -3.0, 0.0, -4.0])
    dictionary.visits.assign([1, 1, 0, 1, 0, 1])
    assert dictionary.choose(source, 1).tolist() == [0, 3]


def test_reward_batches_are_balanced_new_each_step_and_without_repeats():
    source = blob_source(n=60)
    dictionary, model = dictionary_of(source, size=30, reward_batch=15)
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
    dictionary, model = dictionary_of(source, size=8, reward_batch=3)
    dictionary.refresh(model, source, 0)
    seen = []
    for step in range(12):
        model.optimizer.iterations.assign(step)
        labels = dictionary.labels.numpy()[dictionary.draw(model).numpy()]
        assert len(set(labels)) == 3
        seen += labels.tolist()
    assert set(seen) == {0, 1, 2, 3}


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
    dictionary, model = dictionary_of(counted, size=9, reward_batch=3)
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
    dictionary, model = dictionary_of(
        source, size=4, reward_batch=2, features="bank"
    )
    update_scores(dictionary, range(6), source.labels, LOSS, P_AFTER)
    dictionary.refresh(model, source, 1)
    before = dictionary.content.numpy().copy()
    seen = model.features(source.load([1, 0, 5, 4]), training=False)
    np.testing.assert_allclose(before, seen, rtol=1e-6)
    new = np.arange(16, dtype=np.float32).reshape(2, 8)
    dictionary.update_features(tf.constant([5, 3]), tf.constant(new))
    before[2] = new[0]
    np.testing.assert_allclose(dictionary.content, before, rtol=1e-6)


@pytest.mark.parametrize("regularisers", [[], [MixUp()]])
def test_a_bank_is_filled_by_training_with_unmixed_features(regularisers):
    """One step on ten of thirty members: these slots, and no others."""
    source = blob_source(n=30)
    dictionary = Dictionary(size=30, reward_batch=3, features="bank")
    model = classifier(FSR(dictionary), regularisers=regularisers)
    pipeline = InputPipeline(10)
    model.setup(source, pipeline)
    dictionary.refresh(model, source, 0)
    dictionary.content.assign(tf.zeros_like(dictionary.content))
    batch = next(iter(pipeline.train(source, epochs=1)))
    expected = np.zeros((30, 8), np.float32)
    members = dictionary.members.numpy()
    passing = np.isin(members, batch["index"])
    seen = model.features(source.load(members[passing]), training=False)
    expected[passing] = seen
    model.train_step(batch)
    assert passing.sum() == 10 and (expected != 0).any()
    np.testing.assert_allclose(dictionary.content, expected, rtol=1e-5)


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


def test_frozen_images_are_augmented_once_an_epoch():
    once = shown(epoch=1)
    np.testing.assert_array_equal(once, shown(epoch=1, step=5))
    assert once.dtype == np.uint8
    assert (once != shown(epoch=2)).any()
    plain = images().load(np.r_[0:12:2, 1:12:2])
    assert sorted(once.sum((1, 2, 3))) != sorted(plain.sum((1, 2, 3)))


def test_purity_is_logged_where_the_truth_is_known():
    source = blob_source(n=60)
    wrong = source.with_labels((source.labels + (np.arange(60) < 18)) % 3, None)
    known = source.with_labels(wrong.labels, source.labels)
    model = classifier(FSR(Dictionary(size=30)))
    logs = model.fit(known, batch_size=20, epochs=2, verbose=0).history
    members = model.method.dictionary.members.numpy()
    assert logs["purity"][-1] == pytest.approx(np.mean(members >= 18))
    assert 0.0 <= logs["score_auroc"][-1] <= 1.0
    assert "purity" not in model.method.epoch_logs(wrong)


def test_a_dataset_without_indices_is_told():
    x, y = blobs()
    model = classifier(FSR())
    with pytest.raises(
        InvalidInput, match=r"dictionary .* needs stable indices"
    ):
        endless = tf.data.Dataset.from_tensors((x, y)).repeat()
        model.fit(endless, steps_per_epoch=1, verbose=0)


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
        dictionary_of(blob_source(n=60), size=30, features=features)
