"""What users pass to fit, evaluate and predict, in one of three forms.

These are arrays, a `Source`, and a tf.data dataset of batches.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from fsr_gdw_tf.data import batch_iterables, label_checks, nested, tables
from fsr_gdw_tf.data.source import Source
from fsr_gdw_tf.errors import InvalidInput

INPUT_NAMES = ("image", "text")  # of TFDS, beside the label


class UserData(NamedTuple):
    """Data in one of the three forms.

    class_names: the names of the classes that the data bring, or None.
    """

    x: Any
    y: Any = None
    sample_weight: Any = None
    class_names: Sequence[str] | None = None


class NetworkInputs(NamedTuple):
    """What a network takes.

    structure: its symbolic inputs; None if they are unknown.
    preprocessor: what maps the user's inputs to the network's, if anything.
    names: of the classes, None if they are unknown.
    """

    structure: Any
    classes: int
    preprocessor: Callable | None = None
    names: Sequence[str] | None = None

    @property
    def class_names(self) -> Sequence[str]:
        """The names of the classes, by default their numbers."""
        return self.names or [str(c) for c in range(self.classes)]

    @property
    def users_structure(self) -> Any:
        """The structure of the user's inputs, None if it is unknown."""
        # The preprocessor decides what the inputs before it are.
        return None if self.preprocessor else self.structure

    def as_arrays(self, x: Any, n: int | None = None) -> Any:
        """Return the user's inputs as arrays."""
        return nested.as_arrays(x, self.users_structure, n)


def read(
    data: UserData,
    network: NetworkInputs,
    batch_size: int | None = None,
    steps: int | None = None,
) -> UserData:
    """Return labelled data of any kind in one of the three forms.

    y can be the name of the column of labels. Labels become numbers.
    batch_size: of datasets that have no batches.
    steps: how many batches of a generator are read.
    """
    x, y, weight, names = data
    if y is None and isinstance(x, tuple):
        x, y, weight = _unpacked(x, weight)
    if tables.is_table(x):
        x, y, found = tables.read_table(x, y, network.users_structure)
        names = names or found
    elif batch_iterables.is_batches(x):
        x = batch_iterables.as_dataset(x, steps, network.users_structure)
    if isinstance(x, tf.data.Dataset):
        names = names or getattr(x, "class_names", None)
        data = UserData(x, y, weight, names)
        return _read_dataset(data, network, batch_size)
    if isinstance(x, Source):
        return UserData(x, y, weight, names or x.class_names)
    if y is None:
        return UserData(x, None, weight, names)
    y, names = _encode(tables.from_arrow(y), names, network)
    weight = tables.from_arrow(weight)
    if isinstance(x, tables.RowReader):
        x = Source(x, y, names or network.class_names)
        return UserData(x, None, weight, names)
    return UserData(tables.from_arrow(x), y, weight, names)


def read_inputs(
    x: Any,
    network: NetworkInputs,
    batch_size: int | None = None,
    steps: int | None = None,
) -> Any:
    """Return inputs without labels in one of the three forms."""
    structure = network.users_structure
    if tables.is_table(x):
        x = tables.read_table(x, None, structure).x
    elif batch_iterables.is_batches(x):
        x = batch_iterables.as_dataset(x, steps, structure)
    if isinstance(x, tf.data.Dataset):
        return _with_batches(
            _as_pairs(x, None, structure), structure, batch_size
        )
    if isinstance(x, tables.RowReader):
        labels = np.zeros(len(x.table), np.int64)
        return Source(x, labels, network.class_names)
    return tables.from_arrow(x)


def _unpacked(x: tuple, weight: Any) -> tuple[Any, Any, Any]:
    """Return x, y and sample_weight of a tuple."""
    if not 2 <= len(x) <= 3:
        raise InvalidInput(
            "expected (x, y) or (x, y, sample_weight), got a tuple of "
            f"{len(x)} parts"
        )
    return (*x, weight)[:3]


def _encode(
    y: Any, names: Sequence[str] | None, network: NetworkInputs
) -> tuple[np.ndarray, Sequence[str] | None]:
    """Return labels as numbers, and the names of the classes."""
    given = network.names or names
    y, names = label_checks.encode(y, given)
    _require_names(names, given, network)
    return y, names


def _require_names(
    names: Sequence[str] | None,
    given: Sequence[str] | None,
    network: NetworkInputs,
) -> None:
    """Raise unless the number of names is that of the network's classes."""
    if names and len(names) != network.classes:
        what = "class_names has" if given else "the labels have"
        raise InvalidInput(
            f"the network has {network.classes} classes, {what} {len(names)} "
            f"({', '.join(names[:5])}); pass class_names with a name for each "
            "output of the network"
        )


def _read_dataset(
    data: UserData, network: NetworkInputs, batch_size: int | None
) -> UserData:
    """Return a dataset of batches (inputs, labels) or of dicts."""
    x, y, weight, names = data
    if y is not None and not isinstance(y, str):
        raise InvalidInput(
            "a dataset brings its labels, (inputs, labels), or has a column "
            f"of them, y='label'; got y as {type(y).__name__}"
        )
    structure = network.users_structure
    dataset = _with_batches(_as_pairs(x, y, structure), structure, batch_size)
    given = network.names or names
    names = given or _find_names(dataset)
    _require_names(names, given, network)
    return UserData(dataset, None, weight, names)


def _with_batches(
    dataset: tf.data.Dataset, structure: Any, batch_size: int | None
) -> tf.data.Dataset:
    if _has_no_batches(dataset.element_spec, structure):
        return dataset.batch(batch_size or 32)
    return dataset


def _find_names(dataset: tf.data.Dataset) -> Sequence[str] | None:
    """Return the names of classes that labels are, None if they are numbers.

    Labels that are texts are read once.
    """
    labels = _labels(dataset)
    dtype = None if labels is None else labels.element_spec.dtype
    if dtype == tf.bool:
        return label_checks.BOOLEANS
    if dtype != tf.string:
        return None
    found = [np.unique(y) for y in labels.as_numpy_iterator()]
    return label_checks.encode(np.unique(np.concatenate(found)))[1]


def _as_pairs(dataset: tf.data.Dataset, label: str | None, structure: Any):
    """Return a dataset of dicts of columns as (inputs, labels)."""
    spec = dataset.element_spec
    if not isinstance(spec, dict) or {"inputs", "label"} <= set(spec):
        return dataset
    wanted = nested.input_names(structure)
    named = bool(wanted) and set(wanted) <= set(spec)
    if label is None and "label" in spec and (named or _inputs_of(spec)):
        label = "label"
    if label is None:
        return dataset
    if label not in spec:
        raise InvalidInput(
            f"the dataset has no column {label!r}, but {sorted(spec)}"
        )
    others = [name for name in spec if name != label]
    name = _inputs_of(spec) or (others[0] if len(others) == 1 else None)
    if not named and name is None:
        raise InvalidInput(
            f"the dataset has the columns {sorted(others)} beside {label!r}, "
            "and the network does not name its inputs like them; map it to "
            "(inputs, labels)"
        )

    def as_pair(columns: dict) -> tuple:
        if named:
            return tables.as_inputs(columns, structure), columns[label]
        return columns[name], columns[label]

    return dataset.map(as_pair)


def _inputs_of(spec: dict) -> str | None:
    """Return the name of a column that TFDS gives to inputs."""
    return next((name for name in INPUT_NAMES if name in spec), None)


def _has_no_batches(spec: Any, structure: Any) -> bool:
    """Return whether the elements are examples, not batches of them."""
    if isinstance(spec, dict):
        inputs, label = spec.get("inputs", spec), spec.get("label")
    elif isinstance(spec, tuple):
        inputs, label = spec[0], spec[1] if len(spec) > 1 else None
    else:
        inputs, label = spec, None
    if label is not None and label.shape.rank == 0:
        return True
    if structure is None or (label is not None and label.shape.rank != 1):
        return False
    given, needed = tf.nest.flatten(inputs), tf.nest.flatten(structure)
    return all(map(_is_example, given, needed))


def _is_example(given: tf.TensorSpec, symbolic: Any) -> bool:
    """Return whether this is one input of the network, not a batch of them."""
    shape, needed = given.shape, tf.TensorShape(symbolic.shape[1:])
    if shape.rank is None or shape.rank != needed.rank:
        return False
    # The size of a batch is mostly unknown.
    known = not shape.rank or shape[0] is not None
    return known and shape.is_compatible_with(needed)


def _labels(dataset: tf.data.Dataset) -> tf.data.Dataset | None:
    """Return the labels of a dataset alone, None if it has none."""
    spec = dataset.element_spec
    if isinstance(spec, dict):
        has = "label" in spec
        return dataset.map(lambda batch: batch["label"]) if has else None
    if isinstance(spec, tuple) and len(spec) > 1:
        return dataset.map(lambda *batch: batch[1])
    return None
