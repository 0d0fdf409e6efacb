"""Labels of many forms, converted to class indices and validated."""

import numpy as np

from fsr_gdw_tf.errors import InvalidInput

MAX_EMPTY_CLASSES = 10_000


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
