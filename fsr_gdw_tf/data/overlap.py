"""Files that a list has twice, and examples of two sets that are the same.

Files are the same if their paths are; inputs in memory are compared by a hash.
"""

import os
from collections import defaultdict

import numpy as np
import tensorflow as tf

from fsr_gdw_tf.data.file_lists import FileList
from fsr_gdw_tf.data.source import ArrayReader, Source
from fsr_gdw_tf.distribution.hosts import print_on_chief
from fsr_gdw_tf.errors import InvalidInput, printable

REMEDY = (
    "remove them from one of the two, or allow it by "
    "Experiment.allow_test_in_training=True"
)


def print_repeated(entries: FileList) -> None:
    """Print how many files a list has more than once, if it has any."""
    if len(set(entries.paths)) == len(entries.paths):
        return
    places = defaultdict(list)
    for index, path in enumerate(entries.paths):
        places[path].append(index)
    repeated = {p: rows for p, rows in places.items() if len(rows) > 1}
    path, rows = next(iter(repeated.items()))
    different = sum(
        len({entries.labels[row] for row in rows}) > 1
        for rows in repeated.values()
    )
    numbers = " and ".join(str(entries.numbers[row]) for row in rows[:2])
    print_on_chief(
        printable(
            f"{entries.name} has {len(repeated)} file(s) more than once, "
            f"{different} of them with different labels; the first is {path} "
            f"({entries.unit} {numbers})"
        )
    )


def in_training(train: Source, others: Source) -> np.ndarray:
    """Return which examples of another set are also in the training set.

    Whatever their labels. Names that are only numbers of rows tell nothing.
    """
    keys, other_keys = _keys(train, others)
    return np.isin(other_keys, keys)


def count_shared(train: Source, others: Source) -> int:
    """Return how many different examples are in both sets."""
    return len(np.intersect1d(*_keys(train, others)))


def _keys(train: Source, others: Source) -> tuple[np.ndarray, np.ndarray]:
    """Return keys of both sets, which are equal where examples are."""
    if train.in_files and others.in_files:
        return _paths(train), _paths(others)
    if train.reader is others.reader:
        return train.rows, others.rows
    if _in_memory(train) and _in_memory(others):
        return _hashes(train), _hashes(others)
    return np.zeros(len(train)), np.ones(len(others))


def without_repeated(train: Source, test: Source) -> Source:
    """Return a held-out test set without files that are trained on as well.

    A list can name a file twice, and the copies fall into both parts.
    """
    shared = in_training(train, test)
    if not shared.any():
        return test
    if shared.all():
        raise InvalidInput(
            "all test examples that were held out are also in the training "
            "set; list each file once"
        )
    print_on_chief(
        f"{shared.sum()} of {len(test)} held-out test examples are files that "
        "are trained on as well; they are left out of the test set"
    )
    return test.subset(np.flatnonzero(~shared))


def check_test(train: Source, test: Source, allowed: bool) -> None:
    """Raise if test files are trained on; print it of inputs in memory.

    Published data have a few equal images, and their test sets stay as they
    are.
    """
    shared = in_training(train, test)
    if not shared.any():
        return
    first = test.name(int(np.flatnonzero(shared)[0]))
    told = (
        f"{shared.sum()} of {len(test)} test examples are also in the training "
        f"set, the first is {first}"
    )
    if test.in_files and not allowed:
        raise InvalidInput(f"{told}; {REMEDY}")
    print_on_chief(printable(told))


def _paths(source: Source) -> np.ndarray:
    return np.array([os.path.abspath(name) for name in source.all_names()])


def _array_reader(source: Source):
    return getattr(source.reader, "reader", source.reader)


def _in_memory(source: Source) -> bool:
    return isinstance(_array_reader(source), ArrayReader)


def _hashes(source: Source) -> np.ndarray:
    """Return a hash of the inputs of each example."""
    parts = tf.nest.flatten(_array_reader(source).inputs)
    with tf.device("CPU:0"):
        bits = [tf.bitcast(tf.fingerprint(part), tf.int64) for part in parts]
        whole = tf.bitcast(tf.fingerprint(tf.stack(bits, axis=1)), tf.int64)
    return whole.numpy()[source.rows]
