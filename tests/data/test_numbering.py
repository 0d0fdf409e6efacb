"""Numbers of the examples of a dataset: stable, or refused."""

import numpy as np
import pytest
import tensorflow as tf
from support.data_kinds import BATCH, N, X, Y, slices
from support.models import classifier

from fsr_gdw_tf import FSR, InvalidInput, Supervised
from fsr_gdw_tf.data.batch_dicts import as_dicts
from fsr_gdw_tf.data.numbering import number

NAMES = ["0", "1", "2"]
GENERATOR = tf.random.Generator.from_seed(0)


def numbered(dataset, before=None):
    return number(as_dicts(dataset, NAMES), NAMES, before)


def pairs(found) -> tuple[np.ndarray, np.ndarray]:
    """Return the numbers and the inputs of a pass."""
    batches = list(found.batches.as_numpy_iterator())
    return tuple(
        np.concatenate([b[name] for b in batches])
        for name in ("index", "inputs")
    )


def noise(x):
    # Its state goes on from pass to pass, unlike that of seeded operations.
    return x + GENERATOR.normal(tf.shape(x))


def test_numbers_are_places_where_the_order_stays():
    found = numbered(slices(X, Y).batch(BATCH))
    np.testing.assert_array_equal(pairs(found)[0], np.arange(N))
    np.testing.assert_array_equal(found.source.labels, Y)
    assert int(found.batches.cardinality()) == N / BATCH


def test_a_shuffled_example_keeps_its_number():
    """In each pass, and the inputs by number are those of the batches."""
    found = numbered(slices(X, Y).shuffle(N).batch(5))
    passes = [pairs(found) for _ in range(3)]
    assert not np.array_equal(passes[0][0], passes[1][0])
    stored = found.source.load(range(N))
    for index, inputs in passes:
        assert sorted(index) == list(range(N))
        np.testing.assert_array_equal(inputs, stored[index])
    place = [np.flatnonzero((x == X).all(1))[0] for x in stored]
    np.testing.assert_array_equal(found.source.labels, Y[place])


def test_copies_in_order_have_their_own_numbers_and_shuffled_ones_share():
    x, y = np.tile(X[:2], (4, 1)), np.tile(Y[:2], 4)
    index, _ = pairs(numbered(slices(x, y).batch(4)))
    np.testing.assert_array_equal(index, np.arange(8))
    found = numbered(slices(x, y).shuffle(8, seed=1).batch(4))
    index, inputs = pairs(found)
    np.testing.assert_array_equal(found.source.load(index), inputs)


def test_the_same_inputs_with_another_label_are_another_example():
    x, y = np.tile(X[:1], (3, 1)), np.arange(3)
    found = numbered(slices(x, y).shuffle(3).batch(3))
    for _ in range(3):
        batch = next(iter(found.batches))
        labels = found.source.labels[batch["index"].numpy()]
        np.testing.assert_array_equal(labels, batch["label"].numpy().argmax(1))


def test_a_second_training_keeps_the_numbers():
    dataset = slices(X, Y).shuffle(N).batch(BATCH)
    first = numbered(dataset)
    again = numbered(dataset, first.numbering)
    np.testing.assert_array_equal(again.source.labels, first.source.labels)
    everything = range(N)
    np.testing.assert_array_equal(
        again.source.load(everything), first.source.load(everything)
    )
    other = numbered(slices(X + 1, Y).batch(BATCH), first.numbering)
    np.testing.assert_array_equal(pairs(other)[0], np.arange(N))


def test_inputs_that_change_need_a_column_of_numbers():
    with pytest.raises(
        InvalidInput, match=r"inputs of examples change .*'index'"
    ):
        numbered(slices(X, Y).map(lambda x, y: (noise(x), y)).batch(BATCH))
    columns = {"inputs": X, "label": Y, "index": np.arange(N)}
    dataset = slices(columns).shuffle(N).batch(BATCH)
    found = numbered(dataset.map(lambda b: b | {"inputs": noise(b["inputs"])}))
    np.testing.assert_array_equal(found.source.labels, Y)
    for batch in found.batches:
        labels = batch["label"].numpy().argmax(1)
        np.testing.assert_array_equal(Y[batch["index"].numpy()], labels)


@pytest.mark.parametrize(
    ("index", "message"),
    [
        (np.arange(N) + 1, "must be 0 to 23, each of them once, got 1 to 24"),
        (np.zeros(N, int), "got 0 to 0 with 1 different ones"),
    ],
)
def test_columns_that_are_no_numbering(index, message):
    columns = {"inputs": X, "label": Y, "index": index}
    with pytest.raises(InvalidInput, match=message):
        numbered(slices(columns).batch(BATCH))


@pytest.mark.parametrize("augment", [tf.identity, noise])
def test_numbers_given_after_shuffling_are_found(augment):
    """With augmentation by the labels, without it by the inputs as well."""
    dataset = slices(X, Y).shuffle(N, seed=3).enumerate()
    dataset = dataset.map(
        lambda i, xy: {"inputs": augment(xy[0]), "label": xy[1], "index": i}
    )
    with pytest.raises(InvalidInput, match="changes from pass to pass"):
        numbered(dataset.batch(BATCH))


def test_an_example_that_was_not_there_before_is_an_error():
    """The data change after the first passes: no number is guessed."""
    passes = []

    def batches():
        passes.append(1)
        yield X[:BATCH] + (len(passes) > 3), Y[:BATCH]

    spec = tf.TensorSpec((None, 4)), tf.TensorSpec((None,), tf.int64)
    dataset = tf.data.Dataset.from_generator(batches, output_signature=spec)
    found = numbered(dataset)
    pairs(found)
    with pytest.raises(tf.errors.InvalidArgumentError, match="differs from"):
        pairs(found)


def test_what_cannot_be_numbered_still_trains_plainly():
    """And the list of label issues says why there is none."""
    model = classifier(Supervised(), track_labels=True)
    endless = slices(X, Y).batch(BATCH).repeat()
    model.fit(endless, steps_per_epoch=3, verbose=0)
    assert model.optimizer.iterations == 3
    with pytest.raises(InvalidInput, match=r"leave out repeat\(\)"):
        model.label_issues()
    with pytest.raises(InvalidInput, match=r"stable indices.*leave out repeat"):
        classifier(FSR()).fit(endless, steps_per_epoch=3, verbose=0)


def test_nothing_is_read_before_training_if_nothing_needs_numbers():
    passes = []

    def count(x, y):
        tf.py_function(lambda: passes.append(1), [], [])
        return x, y

    dataset = slices(X, Y).batch(N).map(count)
    classifier(Supervised(), track_labels=False).fit(dataset, verbose=0)
    assert len(passes) == 1
    classifier(Supervised(), track_labels=True).fit(dataset, verbose=0)
    assert len(passes) == 4, "labels, a second look, and training"
