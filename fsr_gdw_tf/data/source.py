"""One shape for all data: labels up front, inputs by index.

A `Source` is labels plus a `Reader`. What a reader is asked for is a row; what
everybody else speaks of is an index, 0 to N - 1, the position in the source.
Methods with a memory of each example (scores, pseudo-labels) use that index.
"""

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from fsr_gdw_tf.data.augmentation import CropView
from fsr_gdw_tf.data.encoded import EncodedReader
from fsr_gdw_tf.errors import InvalidInput


class ArrayReader:
    """Inputs that lie in memory."""

    batched = True  # fetch takes many rows as well as one
    in_files = False  # whether a name is the path of a file

    def __init__(self, inputs: np.ndarray, names: Sequence[str] | None = None):
        with tf.device("CPU:0"):
            self.inputs = tf.constant(inputs)
        self.names = names

    def fetch(self, row: tf.Tensor) -> tf.Tensor:
        """The input at a row, or the inputs at a vector of rows."""
        return tf.gather(self.inputs, row)

    def name(self, row: int) -> str:
        """What a person calls this row."""
        return self.names[row] if self.names else str(row)


class ChainReader:
    """The rows of one reader, then those of another."""

    batched = False

    def __init__(self, first, second, border: int):
        self.first, self.second, self.border = first, second, border
        self.in_files = first.in_files and second.in_files

    def fetch(self, row: tf.Tensor) -> tf.Tensor:
        """The input at a row."""
        return self.either(row, lambda reader, row: reader.fetch(row))

    def either(self, row: tf.Tensor, read: Callable) -> tf.Tensor:
        """What `read` makes of the reader that has this row, and its row."""
        return tf.cond(
            row < self.border,
            lambda: read(self.first, row),
            lambda: read(self.second, row - self.border),
        )

    def name(self, row: int) -> str:
        """What its own reader calls this row."""
        if row < self.border:
            return self.first.name(row)
        return self.second.name(row - self.border)


@dataclasses.dataclass(frozen=True, eq=False)
class Source:
    """N labelled examples; `load(indices)` and `fetch` read the inputs."""

    reader: ArrayReader  # or anything with fetch, name and batched
    labels: np.ndarray
    class_names: Sequence[str]
    true_labels: np.ndarray | None = None
    rows: np.ndarray | None = None  # the reader's row of each example
    superclasses: Sequence[int] | None = None  # CIFAR-100 has them
    unreadable: Sequence[tuple[str, str]] = ()  # (path, why) left out
    weights: np.ndarray | None = None  # of each example's loss
    n_clean: int = 0  # how many at the end have labels that hold

    def __post_init__(self):
        labels = as_labels(self.labels, len(self.class_names))
        object.__setattr__(self, "labels", labels)
        if self.rows is None:
            object.__setattr__(self, "rows", np.arange(len(labels)))

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def classes(self) -> int:
        """The number of classes."""
        return len(self.class_names)

    def fetch(self, index: tf.Tensor) -> tf.Tensor:
        """The input at an index, inside a tf.data pipeline."""
        return self.reader.fetch(self._row(index))

    def load_view(
        self, index: tf.Tensor, view, seed: tf.Tensor | None = None
    ) -> tf.Tensor:
        """What a view shows of an input: with a seed in training."""
        return load_view(self.reader, self._row(index), view, seed)

    def _row(self, index: tf.Tensor) -> tf.Tensor:
        with tf.init_scope():  # captured, not copied into every graph
            rows = tf.constant(self.rows)
        return tf.gather(rows, index)

    def load(
        self, indices: Sequence[int], transform: Callable = lambda x: x
    ) -> np.ndarray:
        """The inputs at these indices, each after `transform`."""
        return self.collect(indices, lambda i: transform(self.fetch(i)))

    @staticmethod
    def collect(indices: Sequence[int], read: Callable) -> np.ndarray:
        """What `read` makes of each index, stacked."""
        indices = np.asarray(indices, np.int64)
        dataset = tf.data.Dataset.from_tensor_slices(indices).map(
            read, tf.data.AUTOTUNE
        )
        return next(iter(dataset.batch(max(len(indices), 1)))).numpy()

    def name(self, index: int) -> str:
        """What a person calls this example: a path, or its row."""
        return self.reader.name(int(self.rows[index]))

    def all_names(self) -> list[str]:
        """What a person calls each example."""
        return [self.reader.name(row) for row in self.rows.tolist()]

    @property
    def in_files(self) -> bool:
        """Whether names are paths of files."""
        return self.reader.in_files

    def subset(self, indices: np.ndarray) -> "Source":
        """Only these examples, newly numbered in this order."""
        true, weights = self.true_labels, self.weights
        return dataclasses.replace(
            self,
            labels=self.labels[indices],
            true_labels=None if true is None else true[indices],
            rows=self.rows[indices],
            weights=None if weights is None else weights[indices],
            n_clean=0,
        )

    def with_labels(
        self, labels: np.ndarray, true: np.ndarray | None
    ) -> "Source":
        """The same examples with other labels."""
        return dataclasses.replace(self, labels=labels, true_labels=true)

    def with_weights(self, weights: np.ndarray | None) -> "Source":
        """The same examples, the loss of each times its weight."""
        if weights is not None:
            weights = np.asarray(weights, np.float32)
        return dataclasses.replace(self, weights=weights)

    def counts(self) -> np.ndarray:
        """Examples of each class."""
        return np.bincount(self.labels, minlength=self.classes)


def load_view(
    reader, row: tf.Tensor, view, seed: tf.Tensor | None
) -> tf.Tensor:
    """What a view shows of a row, of which no more than that is decoded."""
    if isinstance(reader, ChainReader):
        return reader.either(
            row, lambda one, row: load_view(one, row, view, seed)
        )
    use = "test" if seed is None else "train"
    # A subclass that overrides it may look at the whole image.
    plain = getattr(type(view), use, None) is getattr(CropView, use)
    if plain and isinstance(reader, EncodedReader):
        part = reader.fetch(row, lambda shape: view.crop_box(shape, seed))
        return view.process_crop(part, seed)
    x = reader.fetch(row)
    return view.test(x) if seed is None else view.train(x, seed)


def as_labels(labels: np.ndarray, classes: int) -> np.ndarray:
    """Integer labels, checked to lie in 0 .. classes - 1."""
    labels = np.asarray(labels)
    if classes < 2:
        raise InvalidInput(
            f"a classifier needs at least 2 classes, got {classes}"
        )
    if labels.ndim == 2 and _is_one_hot(labels):
        labels = labels.argmax(axis=1)
    labels = labels.reshape(len(labels), -1)
    if labels.shape[1] != 1:
        raise InvalidInput(
            "labels must be one integer per example (or one-hot rows), got "
            f"{labels.shape[1]} columns that are not one-hot; take the argmax "
            "of soft targets first"
        )
    labels = labels[:, 0]
    if labels.dtype.kind == "f" and np.all(labels == np.round(labels)):
        labels = labels.astype(np.int64)
    if labels.dtype.kind not in "iu":
        raise InvalidInput(
            f"labels must be integers 0 to {classes - 1}, got dtype "
            f"{labels.dtype}"
        )
    if len(labels) and not (labels.min() >= 0 and labels.max() < classes):
        raise InvalidInput(
            f"labels must lie in 0 to {classes - 1} ({classes} classes), got "
            f"{labels.min()} to {labels.max()}"
        )
    return labels.astype(np.int64)


def _is_one_hot(labels: np.ndarray) -> bool:
    return labels.shape[1] > 1 and bool(
        np.all((labels == 0) | (labels == 1)) and np.all(labels.sum(1) == 1)
    )


def require_all_classes(source: Source, what: str) -> None:
    """Refuse a source that has no example of some class."""
    missing = np.flatnonzero(source.counts() == 0)
    if len(missing):
        names = ", ".join(str(source.class_names[c]) for c in missing[:5])
        more = " and others" if len(missing) > 5 else ""
        raise InvalidInput(
            f"{what} has no example of {len(missing)} of {source.classes} "
            f"classes ({names}{more}); remove the class or add examples"
        )


def join(one: Source, other: Source) -> Source:
    """The examples of one source, then those of another, whose labels hold."""
    reader, rows = one.reader, other.rows
    if reader is not other.reader:
        border = int(one.rows.max()) + 1
        reader = ChainReader(reader, other.reader, border)
        rows = rows + border
    true, weights = one.true_labels, one.weights
    if weights is not None:
        weights = np.append(weights, np.ones(len(other), weights.dtype))
    return dataclasses.replace(
        one,
        weights=weights,
        n_clean=one.n_clean + len(other),
        reader=reader,
        labels=np.concatenate([one.labels, other.labels]),
        true_labels=None if true is None else np.append(true, other.labels),
        rows=np.concatenate([one.rows, rows]),
    )


def arrays(
    x: np.ndarray, y: np.ndarray, class_names: Sequence[str] | None = None
) -> Source:
    """A source of NumPy arrays (or anything like them)."""
    x, y = np.asarray(x), np.asarray(y)
    if len(x) != len(y):
        raise InvalidInput(f"got {len(x)} inputs but {len(y)} labels")
    if not len(x):
        raise InvalidInput("got no examples: x and y are empty")
    if class_names is None:
        one_hot = y.ndim == 2 and y.shape[1] > 1
        numeric = y.dtype.kind in "iuf"
        top = int(y.max()) + 1 if numeric else 2
        class_names = [str(c) for c in range(y.shape[1] if one_hot else top)]
    return Source(ArrayReader(x), y, class_names)
