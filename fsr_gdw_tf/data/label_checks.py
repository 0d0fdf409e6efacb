"""Labels of many forms, converted to class indices and validated."""

import numbers
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from fsr_gdw_tf.errors import InvalidInput, first_line

MAX_EMPTY_CLASSES = 10_000
BOOLEANS = ("False", "True")


def as_labels(labels: np.ndarray, classes: int) -> np.ndarray:
    """Return labels as class indices `[N]`; raise unless they are valid.

    Accepts integers, whole floats, a column of either, and one-hot rows.
    """
    if classes < 2:
        raise InvalidInput(
            f"a classifier needs at least 2 classes, got {classes}"
        )
    labels = _as_vector(np.asarray(labels))
    if labels.dtype.kind == "f" and _are_whole(labels):
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


def encode(
    labels: Any, class_names: Sequence[str] | None = None
) -> tuple[np.ndarray, tuple[str, ...] | None]:
    """Return labels as numbers (or one-hot rows), and the names of classes.

    Numbers are class indices and stay as they are; their names are those given
    or None. All other labels (texts, booleans, categories) are looked up in
    `class_names`, by default their different values in order.
    """
    names = None if class_names is None else _as_names(class_names)
    labels, categories = _without_categories(labels)
    if not labels.ndim or labels.dtype.kind in "cV":
        found = f"the dtype {labels.dtype}" if labels.ndim else labels.item()
        raise InvalidInput(f"expected a label for each example, got {found}")
    _require_no_missing(labels)
    if labels.dtype.kind in "iuf":
        return labels, names
    texts = [_text(label) for label in labels.reshape(-1).tolist()]
    if names is None:
        names = tuple(map(_text, categories or _in_order(set(texts))))
    number = {name: index for index, name in enumerate(names)}
    if len(number) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise InvalidInput(
            f"class_names has the name {twice!r} twice; a label of that name "
            "could be either class"
        )
    unknown = sorted(set(texts) - set(number))
    if unknown:
        raise InvalidInput(
            f"the label {unknown[0]!r} is none of the {len(names)} classes "
            f"{', '.join(names[:5])}; correct it, or pass class_names with a "
            "name for each output of the network"
        )
    return np.array([number[text] for text in texts], np.int64), names


def _as_names(class_names: Sequence[str]) -> tuple[str, ...]:
    if not isinstance(class_names, Iterable):
        raise InvalidInput(
            f"class_names must be a list of names, got {class_names!r}"
        )
    return tuple(map(str, class_names))


def _without_categories(labels: Any) -> tuple[np.ndarray, list | None]:
    """Return labels as an array, and the categories of a pandas column."""
    labels = getattr(labels, "array", labels)  # of a pandas column
    categories = getattr(labels, "categories", None)
    try:
        array = np.asarray(labels)
    except ValueError as error:
        raise InvalidInput(
            "expected a label for each example, got lists of different "
            f"lengths ({first_line(error)})"
        ) from error
    if array.dtype.kind == "O" and all(
        isinstance(v, numbers.Real) and not isinstance(v, bool)
        for v in array.reshape(-1).tolist()
    ):
        array = np.array(array.tolist())
    if array.dtype.kind == "b":
        categories = BOOLEANS
    return array, None if categories is None else list(categories)


def _require_no_missing(labels: np.ndarray) -> None:
    """Raise if a label is None, NaN or another value that equals nothing."""
    if labels.dtype.kind not in "fOMm" or not labels.size:
        return
    flat = labels.reshape(len(labels), -1).astype(object)
    missing = [any(map(_is_missing, row)) for row in flat.tolist()]
    if any(missing):
        raise InvalidInput(
            f"{sum(missing)} of {len(labels)} labels are missing (None or "
            f"NaN), the first is that of example {missing.index(True)}; "
            "label these examples or leave them out"
        )


def _is_missing(value: Any) -> bool:
    if value is None:
        return True
    equal = value == value  # noqa: PLR0124  NaN differs from itself
    return not isinstance(equal, (bool, np.bool_)) or not equal  # pandas.NA


def _text(label: Any) -> str:
    if not isinstance(label, bytes):
        return str(label)
    return label.decode("utf-8", "backslashreplace")


def _in_order(names: set[str]) -> list[str]:
    """Return names sorted; numbers by their value."""
    if all(name.isdecimal() for name in names):
        return sorted(names, key=int)
    return sorted(names)


def numbered_names(labels: np.ndarray) -> list[str]:
    """Return '0', '1', ... up to the largest label, or a name per column."""
    if labels.ndim == 2 and labels.shape[1] > 1:
        return [str(c) for c in range(labels.shape[1])]
    numeric = labels.size and labels.dtype.kind in "iuf"
    numeric = numeric and np.isfinite(labels).all()
    if numeric and labels.min() < 0:
        raise InvalidInput(
            f"labels must be numbers from 0 on, got {labels.min()}; give the "
            "classes other numbers, or names"
        )
    classes = int(labels.max()) + 1 if numeric else 2
    where = f"a largest label of {classes - 1}"
    require_class_count(classes, len(labels), where)
    return [str(c) for c in range(classes)]


def require_class_count(classes: int, examples: int, where: str) -> None:
    """Raise if labels are numbers far beyond what the data can hold.

    A name and a row of the network are made for each number from 0 on.
    """
    if classes > examples + MAX_EMPTY_CLASSES:
        raise InvalidInput(
            f"{where} means {classes:,} classes, but there are "
            f"{examples:,} examples; number the classes from 0 without gaps, "
            "or give them names"
        )


def _are_whole(labels: np.ndarray) -> bool:
    return bool(np.all(np.isfinite(labels) & (labels == np.round(labels))))


def _as_vector(labels: np.ndarray) -> np.ndarray:
    """Return labels `[N]` of a vector, a column or one-hot rows."""
    if labels.ndim == 2 and _is_one_hot(labels):
        labels = labels.argmax(axis=1)
    labels = labels.reshape(len(labels), -1)
    if labels.shape[1] != 1:
        raise InvalidInput(
            "labels must be one integer per example (or one-hot rows), got "
            f"{labels.shape[1]} columns that are not one-hot; take the argmax "
            "of soft targets first"
        )
    return labels[:, 0]


def _is_one_hot(labels: np.ndarray) -> bool:
    return labels.shape[1] > 1 and bool(
        np.all((labels == 0) | (labels == 1)) and np.all(labels.sum(1) == 1)
    )
