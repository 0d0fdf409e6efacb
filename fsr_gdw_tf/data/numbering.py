"""A number for each example of a tf.data dataset, the same in all epochs.

The dataset is read once before training. The examples are numbered in the
order of that pass, and a hash of each one's inputs and label is kept. In
training an example is recognised by its hash: at its place in the order, or,
where a dataset is shuffled anew in each epoch, at any other place. Copies of
an example that are shuffled share a number. So no example can get the number
of another one: what is not recognised is an error.

Where the inputs of an example change (random augmentation), nothing tells which
example it is: such a dataset must bring the numbers as a column "index". They
are compared with the labels, and with the inputs where these do not change.
"""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from fsr_gdw_tf.data import nested
from fsr_gdw_tf.data.source import Source
from fsr_gdw_tf.data.stored_inputs import StoredInputs
from fsr_gdw_tf.errors import InvalidInput

REMEDY = (
    "number the examples before they are shuffled, dataset.enumerate(), and "
    "yield dicts with the keys 'inputs', 'label' and 'index'"
)
UNKNOWN = (
    "an example differs from those that were read before training (its inputs "
    f"or its label); {REMEDY}"
)
NOT_FOUND = np.int64(-1)
COMPARED_BATCHES = 100  # of a second pass, to see whether inputs change


@dataclasses.dataclass(frozen=True, eq=False)
class Numbering:
    """What identifies each example, by its number.

    keys: hashes `[N]`, of inputs and label, or of labels where inputs change.
    inputs_change: whether they do.
    """

    keys: np.ndarray
    labels: np.ndarray
    weights: np.ndarray | None
    inputs_change: bool = False


@dataclasses.dataclass(frozen=True, eq=False)
class NumberedDataset:
    """Batches with the key "index", and the examples as a source.

    The source keeps the labels and 8 bytes for each example; see
    `StoredInputs` for when its inputs are read.
    """

    batches: tf.data.Dataset
    source: Source
    batch_size: int
    numbering: Numbering

    def load(self, indices: Sequence[int]) -> Any:
        """Return the inputs of some examples of the first batch."""
        inputs = next(iter(self.batches))["inputs"]
        return nested.to_numpy(nested.gather(inputs, indices))


def number(
    dataset: tf.data.Dataset,
    class_names: Sequence[str],
    before: Numbering | None = None,
) -> NumberedDataset:
    """Return the dataset with a number for each example.

    dataset: batches with the keys "inputs" and "label" (one-hot), perhaps
        "weight"; an "index" of the user's is checked and kept.
    before: the numbering of an earlier training, kept if the examples are the
        same.
    """
    _require_finite(dataset)
    batches = _describe(dataset)
    numbering = _number(dataset, _columns(batches))
    if before is not None and _same_examples(before, numbering):
        numbering = before
    count = tf.data.experimental.assert_cardinality(len(batches))
    indexed = _with_index(dataset, numbering).apply(count)
    source = _as_source(indexed, numbering, class_names)
    sizes = [len(batch["label"]) for batch in batches]
    return NumberedDataset(indexed, source, max(sizes), numbering)


def _number(dataset: tf.data.Dataset, columns: dict) -> Numbering:
    """Return the numbering of the examples of a first pass."""
    has_index = "index" in columns
    if has_index:
        columns = _in_order_of_index(columns)
    again = _columns(_describe(dataset.take(COMPARED_BATCHES)))
    change = not np.isin(again["key"], columns["key"]).all()
    if change and not has_index:
        raise InvalidInput(
            "the inputs of examples change from pass to pass, so that nothing "
            f"tells which example is which; {REMEDY}, or augment in layers of "
            "the network"
        )
    name = "label_key" if change else "key"
    if has_index:
        index = again["index"].reshape(-1)
        same = index < len(columns[name])
        same &= columns[name][index * same] == again[name]
        if not same.all():
            raise InvalidInput(
                f"the index of {(~same).sum()} examples changes from pass to "
                f"pass; {REMEDY}"
            )
    weights = columns.get("weight")
    return Numbering(columns[name], columns["label"], weights, change)


def count_shared(numbered: NumberedDataset, others: Source) -> int:
    """Return how many examples of a source are also in a dataset.

    Whatever their labels. None can be found where inputs change.
    """
    if numbered.numbering.inputs_change:
        return 0
    inputs = others.load(range(len(others)))
    dtype = numbered.batches.element_spec["label"].dtype
    shared = np.zeros(len(others), bool)
    for label in np.eye(others.classes, dtype=dtype.as_numpy_dtype):
        labels = np.tile(label, (len(others), 1))
        keys = _key({"inputs": inputs, "label": labels})
        shared |= np.isin(keys, numbered.numbering.keys)
    return int(shared.sum())


def _require_finite(dataset: tf.data.Dataset) -> None:
    if dataset.cardinality() == tf.data.INFINITE_CARDINALITY:
        raise InvalidInput(
            "the dataset repeats without end, so that its examples cannot be "
            "numbered; leave out repeat()"
        )


def _describe(dataset: tf.data.Dataset) -> list[dict]:
    """Return labels, hashes and, if there are any, weights of each batch."""

    def describe(batch: dict) -> dict:
        found = {
            "label": tf.argmax(batch["label"], axis=1),
            "key": _key(batch),
            "label_key": _hash(batch["label"]),
        }
        others = {"weight", "index"} & set(batch)
        return found | {name: batch[name] for name in others}

    described = dataset.map(describe, tf.data.AUTOTUNE)
    batches = list(described.as_numpy_iterator())
    if not batches:
        raise InvalidInput("expected examples, got an empty dataset")
    return batches


def _columns(batches: list[dict]) -> dict:
    """Return what is known of all examples, from what is of each batch."""
    return {
        name: np.concatenate([batch[name] for batch in batches])
        for name in batches[0]
    }


def _hash(values: tf.Tensor) -> tf.Tensor:
    """Return a hash of each row."""
    return tf.bitcast(tf.fingerprint(values), tf.int64)


def _key(batch: dict) -> tf.Tensor:
    """Return a hash of the inputs and the label of each example."""
    parts = [*tf.nest.flatten(batch["inputs"]), batch["label"]]
    return _hash(tf.stack([_hash(part) for part in parts], axis=1))


def _in_order_of_index(columns: dict) -> dict:
    """Return the columns sorted by the user's index, which they must have."""
    index = columns.pop("index").reshape(-1)
    n = len(columns["label"])
    order = np.argsort(index, kind="stable")
    if not np.array_equal(index[order], np.arange(n)):
        raise InvalidInput(
            f"the index of {n} examples must be 0 to {n - 1}, each of them "
            f"once, got {index.min()} to {index.max()} with "
            f"{len(np.unique(index))} different ones; use dataset.enumerate()"
        )
    return {name: column[order] for name, column in columns.items()}


def _same_examples(before: Numbering, now: Numbering) -> bool:
    change = before.inputs_change or now.inputs_change
    return not change and np.array_equal(
        np.sort(before.keys), np.sort(now.keys)
    )


def _with_index(
    dataset: tf.data.Dataset, numbering: Numbering
) -> tf.data.Dataset:
    """Return the dataset with the number of each example."""
    n, keys = len(numbering.keys), tf.constant(numbering.keys)
    look_up = _make_look_up(numbering.keys)

    def add(start: tf.Tensor, batch: dict) -> tuple[tf.Tensor, dict]:
        change = numbering.inputs_change
        found = _hash(batch["label"]) if change else _key(batch)
        count = tf.size(found, tf.int64)
        if "index" in batch:
            place = tf.reshape(tf.cast(batch["index"], tf.int64), [-1])
            other = tf.fill([count], NOT_FOUND)
        else:
            place, other = start + tf.range(count), look_up(found)
        at_place = tf.gather(keys, tf.clip_by_value(place, 0, n - 1)) == found
        at_place &= (place >= 0) & (place < n)
        index = tf.where(at_place, place, other)
        unknown = tf.debugging.assert_non_negative(index, UNKNOWN)
        with tf.control_dependencies([unknown]):
            return start + count, {**batch, "index": tf.identity(index)}

    return dataset.scan(tf.constant(0, tf.int64), add)


def _make_look_up(keys: np.ndarray) -> Callable[[tf.Tensor], tf.Tensor]:
    """Return a function to the first example of each hash, or NOT_FOUND."""
    order = np.argsort(keys, kind="stable")
    in_order, order = tf.constant(keys[order]), tf.constant(order)

    def look_up(found: tf.Tensor) -> tf.Tensor:
        slot = tf.minimum(tf.searchsorted(in_order, found), len(keys) - 1)
        known = tf.gather(in_order, slot) == found
        return tf.where(known, tf.gather(order, slot), NOT_FOUND)

    return look_up


def _as_source(
    indexed: tf.data.Dataset, numbering: Numbering, class_names: Sequence[str]
) -> Source:
    """Return the examples as a source."""
    n, rows = len(numbering.labels), None
    if not numbering.inputs_change:
        # Copies are stored at the place of the first of them.
        _, first, which = np.unique(
            numbering.keys, return_index=True, return_inverse=True
        )
        rows = first[which]
    inputs = indexed.map(
        lambda batch: {name: batch[name] for name in ("inputs", "index")}
    )
    return Source(
        StoredInputs(inputs, n),
        numbering.labels,
        class_names,
        rows=rows,
        weights=numbering.weights,
        preprocessed=True,
    )
