"""Labelled data: labels in memory, inputs read by index on demand.

A `Source` is labels plus a reader of inputs. Readers address inputs by `row`;
all other code uses `index`, 0 to N - 1, the position in the source. Methods
that keep state per example (scores, pseudo-labels) address it by that index.
"""

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from fsr_gdw_tf.data import nested
from fsr_gdw_tf.data.augmentation import CropView
from fsr_gdw_tf.data.encoded import EncodedReader
from fsr_gdw_tf.data.label_checks import as_labels, numbered_names
from fsr_gdw_tf.data.loading import array_loader, load_in_chunks
from fsr_gdw_tf.errors import InvalidInput


class ArrayReader:
    """A reader of inputs in memory: an array, or several (`nested`)."""

    batched = True  # fetch takes a vector of rows as well as one row
    in_files = False  # whether names are file paths

    def __init__(self, inputs, names: Sequence[str] | None = None):
        with tf.device("CPU:0"):  # data sets must not fill the GPU's memory
            self.inputs = tf.nest.map_structure(tf.constant, inputs)
        self.names = names

    def fetch(self, row: tf.Tensor) -> tf.Tensor:
        """Return the input at a row, or the inputs at a vector of rows."""
        return nested.gather(self.inputs, row)

    def name(self, row: int) -> str:
        """Return the name of a row: the given one, or its number."""
        return self.names[row] if self.names else str(row)


class ChainReader:
    """The rows of one reader, followed by those of another from `offset` on."""

    batched = False

    def __init__(self, first, second, offset: int):
        self.first, self.second, self.offset = first, second, offset
        self.in_files = first.in_files and second.in_files

    def fetch(self, row: tf.Tensor) -> tf.Tensor:
        """Return the input at a row."""
        return self.dispatch(row, lambda reader, row: reader.fetch(row))

    def dispatch(
        self, row: tf.Tensor, read: Callable[..., tf.Tensor]
    ) -> tf.Tensor:
        """Return `read(reader, row)` of the reader that holds the row."""
        return tf.cond(
            row < self.offset,
            lambda: read(self.first, row),
            lambda: read(self.second, row - self.offset),
        )

    def name(self, row: int) -> str:
        """Return the name of a row, given by the reader that holds it."""
        if row < self.offset:
            return self.first.name(row)
        return self.second.name(row - self.offset)


@dataclasses.dataclass(frozen=True, eq=False)
class Source:
    """N labelled examples.

    reader: reads the inputs: `fetch`, `name`, `batched`, `in_files`.
    labels: class indices `[N]`, the ones to train on, perhaps wrong.
    true_labels: the correct labels, if known.
    rows: the reader's row of each example; None: row = index.
    superclasses: of each class (CIFAR-100 has them); for asymmetric noise.
    unreadable: (path, reason) of the files that were left out.
    weights: factor of each example's loss; None: 1.
    n_clean: number of examples at the end whose labels are verified.
    preprocessed: whether inputs have passed the network's preprocessor.
    view: of the inputs, where an `InputPipeline` has none; None: `Identity()`.
    """

    reader: ArrayReader
    labels: np.ndarray
    class_names: Sequence[str]
    true_labels: np.ndarray | None = None
    rows: np.ndarray | None = None
    superclasses: Sequence[int] | None = None
    unreadable: Sequence[tuple[str, str]] = ()
    weights: np.ndarray | None = None
    n_clean: int = 0
    preprocessed: bool = False
    view: Any = None

    def __post_init__(self):
        labels = as_labels(self.labels, len(self.class_names))
        object.__setattr__(self, "labels", labels)
        if self.rows is None:
            object.__setattr__(self, "rows", np.arange(len(labels)))

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def classes(self) -> int:
        """Return the number of classes."""
        return len(self.class_names)

    def fetch(self, index: tf.Tensor) -> tf.Tensor:
        """Return the input at an index, or those at several if `batched`."""
        return self.reader.fetch(self._row(index))

    def load_view(
        self, index: tf.Tensor, view, seed: tf.Tensor | None = None
    ) -> tf.Tensor:
        """Return a view of an input: the training view if a seed is given."""
        return load_view(self.reader, self._row(index), view, seed)

    def _row(self, index: tf.Tensor) -> tf.Tensor:
        # Created outside of the graph, which captures it instead of copying it.
        with tf.init_scope():
            rows = tf.constant(self.rows)
        return tf.gather(rows, index)

    def load(
        self,
        indices: Sequence[int],
        transform: Callable[[tf.Tensor], tf.Tensor] | None = None,
    ) -> np.ndarray:
        """Return the inputs at these indices, each transformed, stacked."""
        if transform is not None:
            return array_loader(lambda i: transform(self.fetch(i)))(indices)
        if not self.reader.batched:
            return array_loader(self.fetch)(indices)
        return load_in_chunks(self.fetch, indices)

    def load_each(self, indices: Sequence[int]) -> Iterator[np.ndarray]:
        """Yield the input at each index; they may differ in size."""
        for index in indices:
            with tf.device("CPU:0"):
                x = self.fetch(tf.constant(index, tf.int64))
            yield nested.as_arrays(nested.to_numpy(x))

    def name(self, index: int) -> str:
        """Return the example's name: a file path, or its row number."""
        return self.reader.name(int(self.rows[index]))

    def all_names(self) -> list[str]:
        """Return the names of all examples."""
        return [self.reader.name(row) for row in self.rows.tolist()]

    @property
    def in_files(self) -> bool:
        """Return whether names are file paths."""
        return self.reader.in_files

    def subset(self, indices: np.ndarray) -> "Source":
        """Return these examples only, indexed anew in this order."""
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
        """Return the same examples with other labels."""
        return dataclasses.replace(self, labels=labels, true_labels=true)

    def with_weights(self, weights: np.ndarray | None) -> "Source":
        """Return the same examples with weights that scale their losses."""
        if weights is not None:
            weights = np.asarray(weights, np.float32)
            if not np.isfinite(weights).all():
                first = int(np.flatnonzero(~np.isfinite(weights))[0])
                raise InvalidInput(
                    "expected finite weights of examples, that of example "
                    f"{first} is {weights[first]}"
                )
        return dataclasses.replace(self, weights=weights)

    def counts(self) -> np.ndarray:
        """Return the number of examples of each class."""
        return np.bincount(self.labels, minlength=self.classes)


def load_view(
    reader, row: tf.Tensor, view, seed: tf.Tensor | None
) -> tf.Tensor:
    """Return a view of the input at a row, decoding only what it needs."""
    if isinstance(reader, ChainReader):
        return reader.dispatch(
            row, lambda part, row: load_view(part, row, view, seed)
        )
    mode = "test" if seed is None else "train"
    # A subclass that overrides train or test may need the whole image.
    needs_crop_only = getattr(type(view), mode, None) is getattr(CropView, mode)
    if needs_crop_only and isinstance(reader, EncodedReader):
        image = reader.fetch(row, lambda shape: view.crop_box(shape, seed))
        return view.process_crop(image, seed)
    x = reader.fetch(row)
    return view.test(x) if seed is None else view.train(x, seed)


def require_all_classes(source: Source, what: str) -> None:
    """Raise if the source has no example of some class."""
    missing = np.flatnonzero(source.counts() == 0)
    if len(missing):
        names = ", ".join(str(source.class_names[c]) for c in missing[:5])
        more = " and others" if len(missing) > 5 else ""
        raise InvalidInput(
            f"{what} has no example of {len(missing)} of {source.classes} "
            f"classes ({names}{more}); remove the class or add examples"
        )


def join(source: Source, clean: Source) -> Source:
    """Return a source followed by a clean one, whose labels are verified."""
    reader, rows = source.reader, clean.rows
    if reader is not clean.reader:
        offset = int(source.rows.max()) + 1
        reader = ChainReader(reader, clean.reader, offset)
        rows = rows + offset
    true, weights = source.true_labels, source.weights
    if weights is not None:
        weights = np.append(weights, np.ones(len(clean), weights.dtype))
    return dataclasses.replace(
        source,
        weights=weights,
        n_clean=source.n_clean + len(clean),
        reader=reader,
        labels=np.concatenate([source.labels, clean.labels]),
        true_labels=None if true is None else np.append(true, clean.labels),
        rows=np.concatenate([source.rows, rows]),
    )


def arrays(
    x, y: np.ndarray, class_names: Sequence[str] | None = None
) -> Source:
    """Return a source of NumPy arrays, or of what converts to them.

    x: the inputs; of a network with several, a tuple, list or dict of arrays.
    class_names: by default '0', '1', ... up to the largest label.
    """
    y = np.asarray(y)
    x = nested.as_arrays(x, n=len(y))
    for part in tf.nest.flatten(x):
        if not part.ndim:
            raise InvalidInput(
                "expected a row for each example in x, got the single value "
                f"{part.item()!r}"
            )
        if len(part) != len(y):
            raise InvalidInput(
                f"x and y differ in length: got {len(part)} inputs but "
                f"{len(y)} labels"
            )
    if not len(y):
        raise InvalidInput(
            "expected examples, got no examples: x and y are empty"
        )
    if class_names is None:
        class_names = numbered_names(y)
    return Source(ArrayReader(x), y, class_names)
