"""Batches of users' datasets as dicts with the keys of `method.Batch`."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from fsr_gdw_tf.errors import InvalidInput


def as_dicts(
    dataset: tf.data.Dataset, class_names: Sequence[str]
) -> tf.data.Dataset:
    """Return the dataset with dicts as batches, labels one-hot."""
    spec = dataset.element_spec
    if isinstance(spec, dict):
        return _with_one_hot_labels(dataset, class_names)
    if not (isinstance(spec, tuple) and 2 <= len(spec) <= 3):
        raise InvalidInput(
            "a dataset must yield (inputs, labels), perhaps with weights as a "
            f"third part, or dicts with 'inputs' and 'label', got {spec}"
        )

    def as_dict(x, y, *weight):
        batch = {"inputs": x, "label": one_hot(y, class_names)}
        if weight:
            batch["weight"] = tf.reshape(tf.cast(weight[0], tf.float32), [-1])
        return batch

    return dataset.map(as_dict)  # too little work for threads


def _with_one_hot_labels(
    dataset: tf.data.Dataset, class_names: Sequence[str]
) -> tf.data.Dataset:
    """Return a dataset of dicts with labels one-hot; raise for other keys."""
    spec = dataset.element_spec
    meta_keys = {"meta_inputs", "meta_label"} & set(spec)
    if not {"inputs", "label"} <= set(spec) or len(meta_keys) == 1:
        raise InvalidInput(
            "a dataset of dicts needs the keys 'inputs' and 'label' (and "
            "both of 'meta_inputs', 'meta_label' or neither), got "
            f"{sorted(spec)}"
        )
    labels = {"label", "meta_label"} & set(spec)
    if all(spec[name].dtype.is_floating for name in labels):
        return dataset

    def convert(batch: dict) -> dict:
        found = {name: one_hot(batch[name], class_names) for name in labels}
        return {**batch, **found}

    return dataset.map(convert)


def one_hot(y: tf.Tensor, class_names: Sequence[str]) -> tf.Tensor:
    """Return labels as float32 `[batch, classes]`; raise if out of range."""
    classes = len(class_names)
    if y.shape.rank == 1 or y.shape[-1] == 1:
        message = f"labels must lie in 0 to {classes - 1}"
        if y.dtype == tf.string:
            y = _position(y, class_names)
            message = (
                f"labels must be among the names {', '.join(class_names[:5])}"
            )
        if y.dtype.is_floating:
            missing = "labels must not be missing (NaN)"
            tf.debugging.assert_all_finite(y, missing)
        y = tf.reshape(tf.cast(y, "int64"), [-1])
        tf.debugging.assert_non_negative(y, message)
        tf.debugging.assert_less(y, tf.cast(classes, "int64"), message)
        y = tf.one_hot(y, classes)
    return tf.cast(y, tf.float32)


def _position(text: tf.Tensor, class_names: Sequence[str]) -> tf.Tensor:
    """Return the class of each name, -1 of those that are unknown."""
    found = tf.reshape(text, [-1, 1]) == tf.constant(list(class_names))
    position = tf.argmax(found, axis=1)
    return tf.where(tf.reduce_any(found, axis=1), position, -1)


def labels_are_one_hot(x: Any, y: Any) -> bool:
    """Return whether labels, as users pass them, have a column per class."""
    if y is None and isinstance(x, tf.data.Dataset):
        spec = x.element_spec
        y = spec["label"] if isinstance(spec, dict) else spec[1]
    elif y is None and isinstance(x, tuple):
        y = x[1]
    shape = getattr(y, "shape", np.shape(y) if y is not None else ())
    return len(shape) == 2 and shape[-1] != 1


def check_inputs(spec: Any, structure: Any) -> None:
    """Raise unless batches of the spec fit a network's symbolic inputs."""
    if structure is None:
        return
    given, needed = tf.nest.flatten(spec), tf.nest.flatten(structure)
    if len(given) != len(needed):
        raise InvalidInput(
            f"the network takes {len(needed)} inputs, the data have "
            f"{len(given)}; pass x as a tuple, list or dict of {len(needed)}"
        )
    names = set(structure) if isinstance(structure, dict) else None
    given_names = set(spec) if isinstance(spec, dict) else None
    if given_names != names and len(needed) > 1:
        raise InvalidInput(
            f"the network takes inputs named {_listed(names)}, the data have "
            f"{_listed(given_names)}; pass them as the network takes them"
        )
    for part, symbolic in zip(given, needed, strict=True):
        if not _fits(part.shape, symbolic.shape):
            raise InvalidInput(
                f"the network takes inputs of shape {symbolic.shape[1:]}, the "
                f"data have {tuple(part.shape[1:])}; resize the data (a view "
                "such as Resize) or build the network for them"
            )


def _listed(names: set[str] | None) -> str:
    return "by their order alone" if names is None else str(sorted(names))


def _fits(given: tf.TensorShape, needed: tuple) -> bool:
    """Return whether the shapes are the same, but for a last axis of one."""
    if given.rank is None or given.is_compatible_with(needed):
        return True
    # As in Keras, a vector of numbers is a column and the other way round.
    column = needed[-1] == 1 and given.is_compatible_with(needed[:-1])
    return column or (given[-1] == 1 and given[:-1].is_compatible_with(needed))


def multiply_weights(
    dataset: tf.data.Dataset, factors: np.ndarray
) -> tf.data.Dataset:
    """Return the dataset with each weight multiplied by that of its class."""

    def multiply(batch: dict) -> dict:
        label = tf.argmax(batch["label"], axis=1)
        weight = tf.gather(tf.constant(factors), label)
        return {**batch, "weight": weight * batch.get("weight", 1.0)}

    return dataset.map(multiply)


def class_weights(
    class_weight: dict[int, float] | None, classes: int
) -> np.ndarray | None:
    """Return the weight of each class, 1 for those that are not in the dict."""
    if class_weight is None:
        return None
    unknown = set(class_weight) - set(range(classes))
    if unknown or min(class_weight.values(), default=0) < 0:
        raise InvalidInput(
            f"class_weight maps classes 0 to {classes - 1} to weights of 0 or "
            f"more, got {class_weight}"
        )
    return np.float32([class_weight.get(c, 1.0) for c in range(classes)])
