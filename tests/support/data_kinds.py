"""The same 24 examples in every kind of data that `fit` takes."""

import dataclasses
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pyarrow as pa
import tensorflow as tf
from support.models import blobs

N, BATCH = 24, 8
STEPS = N // BATCH
X, Y = blobs(n=N)
NAMES = np.array(["cat", "dog", "eel"])
TEXTS = NAMES[Y]
COLUMNS = {f"c{i}": X[:, i] for i in range(X.shape[1])}


class Frame:
    """What is used of a pandas DataFrame: `columns`, `iloc`, columns."""

    iloc = None

    def __init__(self, columns: dict):
        self.data, self.columns = columns, list(columns)

    def __getitem__(self, name):
        return self.data[name]


class Categories:
    """What is used of a pandas column of categories."""

    def __init__(self, codes, categories):
        self.codes, self.categories, self.array = codes, categories, self

    def __len__(self):
        return len(self.codes)

    def __array__(self, dtype=None, copy=None):
        return np.array(self.categories, object)[self.codes]


class ClassLabel:
    """The feature of a Hugging Face data set that names the classes."""

    names = NAMES.tolist()


class HuggingFace:
    """What is used of a Hugging Face data set, with its two formats."""

    def __init__(self, columns: dict, form: str | None = None):
        self.data, self.form = columns, form
        self.column_names = list(columns)
        self.features = {"label": ClassLabel}

    def __len__(self):
        return len(next(iter(self.data.values())))

    def with_format(self, form):
        return HuggingFace(self.data, form)

    def select_columns(self, names):
        return HuggingFace({n: self.data[n] for n in names}, self.form)

    def __getitem__(self, key):
        rows = {name: np.asarray(v)[key] for name, v in self.data.items()}
        if self.form == "numpy":
            return rows
        return {name: v.tolist() for name, v in rows.items()}


class Batches(keras.utils.PyDataset):
    """Batches in order."""

    def __init__(self, y=Y, **kwargs):
        super().__init__(**kwargs)
        self.y = y

    def __len__(self):
        return STEPS

    def __getitem__(self, index):
        if index >= STEPS:
            raise IndexError(index)
        rows = slice(index * BATCH, (index + 1) * BATCH)
        return X[rows], self.y[rows]


class Loader:
    """Batches with a length, such as a PyTorch loader."""

    def __len__(self):
        return STEPS

    def __iter__(self):
        return (Batches()[i] for i in range(STEPS))


def slices(*parts) -> tf.data.Dataset:
    return tf.data.Dataset.from_tensor_slices(
        parts[0] if len(parts) == 1 else parts
    )


@dataclasses.dataclass(frozen=True)
class Kind:
    """Arguments x and y of `fit`, made anew for each call.

    others: further arguments.
    in_order: whether all passes have the order of `X`.
    names: whether the data bring the names of the classes.
    """

    make: Callable[[], tuple[Any, ...]]
    others: dict = dataclasses.field(default_factory=dict)
    in_order: bool = True
    names: bool = False


SIZED = {"batch_size": BATCH}
KINDS = {
    "arrays": Kind(lambda: (X, Y), SIZED),
    "small integers": Kind(lambda: (X, Y.astype("int8")), SIZED),
    "one-hot": Kind(lambda: (X, np.eye(3)[Y]), SIZED),
    "texts": Kind(lambda: (X, TEXTS.tolist()), SIZED, names=True),
    "bytes": Kind(lambda: (X, TEXTS.astype("S")), SIZED, names=True),
    "categories": Kind(lambda: (X, Categories(Y, NAMES)), SIZED, names=True),
    "frame": Kind(
        lambda: (Frame(COLUMNS | {"kind": TEXTS}), "kind"), SIZED, names=True
    ),
    "arrow": Kind(
        lambda: (pa.table(COLUMNS), pa.array(TEXTS)), SIZED, names=True
    ),
    "hugging face": Kind(
        lambda: (HuggingFace({"x": X, "label": Y}),), SIZED, names=True
    ),
    "batches": Kind(lambda: (slices(X, Y).batch(BATCH),)),
    "examples": Kind(lambda: (slices(X, Y),), SIZED),
    "texts in batches": Kind(
        lambda: (slices(X, TEXTS).batch(BATCH),), names=True
    ),
    "columns in batches": Kind(
        lambda: (slices({"image": X, "label": Y, "id": TEXTS}).batch(BATCH),)
    ),
    "other columns": Kind(
        lambda: (slices({"x": X, "kind": TEXTS}).batch(BATCH), "kind"),
        names=True,
    ),
    "own numbers": Kind(
        lambda: (
            slices({"inputs": X, "label": Y, "index": np.arange(N)})
            .shuffle(N)
            .batch(BATCH),
        ),
        in_order=False,
    ),
    "shuffled": Kind(
        lambda: (slices(X, Y).shuffle(N).batch(BATCH),), in_order=False
    ),
    "PyDataset": Kind(lambda: (Batches(),)),
    "PyDataset of texts": Kind(
        lambda: (Batches(TEXTS, workers=2),), names=True
    ),
    "loader": Kind(lambda: (Loader(),)),
    "generator": Kind(lambda: (iter(Loader()),), {"steps_per_epoch": STEPS}),
}
