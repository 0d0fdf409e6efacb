"""Convert and check the data that users pass to `fit` and `evaluate`."""

from typing import Any

import numpy as np
import tensorflow as tf

from fsr_gdw_tf.data.pipeline import InputPipeline
from fsr_gdw_tf.data.source import Source, arrays, join
from fsr_gdw_tf.data.splits import check_meta
from fsr_gdw_tf.errors import InvalidInput
from fsr_gdw_tf.method import Method


def adapt(
    x: Any,
    y: Any,
    meta: Any,
    meta_in_training: bool,
    method: Method,
    classes: int,
) -> tuple[Any, Source | None]:
    """Return (training data, clean meta set), arrays converted to sources.

    With `meta_in_training` the meta set is appended to the training data. The
    meta set is None for methods that do not learn from one.
    """
    x = as_source(x, y, classes)
    meta = as_source(meta, None, classes)
    if meta is not None:
        check_meta_fits(x, meta)
        if not (method.uses_meta or meta_in_training):
            raise InvalidInput(
                f"{type(method).__name__} does not learn from a clean meta "
                "set; pass meta_in_training=True to train on it, or a method "
                "that does, such as GDW() or FSR(meta=None)"
            )
        if meta_in_training:
            x = join(x, meta)
    return x, meta if method.uses_meta else None


def as_source(x: Any, y: Any, classes: int) -> Any:
    """Return a pair of arrays as a source, other data unchanged."""
    pair = x if y is None else (x, y)
    if not isinstance(pair, tuple):
        return pair
    if len(pair) != 2:
        raise InvalidInput(
            f"expected a pair (x, y), got {len(pair)} parts; sample weights "
            "are learned by the method, leave them out"
        )
    return arrays(*pair, class_names=[str(c) for c in range(classes)])


def as_unlabelled(x: Any, classes: int) -> Any:
    """Return an array as a source with labels of zero, other data unchanged."""
    if isinstance(x, Source) or not hasattr(x, "__array__"):
        return x
    labels = np.zeros(len(x), np.int64)
    return arrays(x, labels, class_names=[str(c) for c in range(classes)])


def split_validation(x: Any, y: Any, kwargs: dict) -> tuple[Any, Any]:
    """Apply Keras' validation_split, which holds out the last examples."""
    share = kwargs.pop("validation_split", 0.0)
    if not share or kwargs.get("validation_data") is not None:
        return x, y
    if y is None or not 0 < share < 1:
        raise InvalidInput(
            "validation_split is a share in (0, 1) of arrays x and y, got "
            f"{share} of {type(x).__name__}"
        )
    n = int(len(x) * (1.0 - share))
    kwargs["validation_data"] = (x[n:], y[n:])
    return x[:n], y[:n]


def make_pipeline(
    data: Any,
    pipeline: InputPipeline | None,
    batch_size: int | None,
    seed: int,
    kwargs: dict,
    replicas: int = 1,
) -> InputPipeline:
    """Return the given pipeline, or one with Keras' default batch size of 32.

    Its sizes are global. Unsupported arguments among Keras' `kwargs` raise.
    """
    for name in ("sample_weight", "class_weight"):
        if kwargs.pop(name, None) is not None:
            raise InvalidInput(
                f"{name} is not supported: the method learns weights; leave it "
                "out"
            )
    is_source = isinstance(data, Source)
    if is_source and kwargs.get("steps_per_epoch") is not None:
        raise InvalidInput(
            "steps_per_epoch follows from the batch size for arrays and "
            "sources; leave it out"
        )
    shuffle = kwargs.pop("shuffle", True)
    if pipeline is None:
        if batch_size is None:
            batch_size = min(32, len(data)) if is_source else 32
            batch_size = max(batch_size // replicas, 1) * replicas
        pipeline = InputPipeline(batch_size, seed=seed, shuffle=shuffle)
    return pipeline.with_global_sizes(replicas)


def check_meta_fits(x: Any, meta: Any) -> None:
    """Raise if the meta set's inputs or labels do not fit the training data."""
    if not (isinstance(x, Source) and isinstance(meta, Source)):
        raise InvalidInput(
            "meta goes with arrays or a Source; a dataset brings its own "
            "meta_inputs and meta_label in each batch"
        )
    inputs, meta_inputs = (s.load([0]) for s in (x, meta))
    same_rank = inputs.ndim == meta_inputs.ndim
    if not same_rank or inputs.shape[-1] != meta_inputs.shape[-1]:
        raise InvalidInput(
            f"inputs of the meta set have shape {meta_inputs.shape[1:]}, those "
            f"of the training set {inputs.shape[1:]}; resize one of them"
        )
    if inputs.dtype != meta_inputs.dtype:
        raise InvalidInput(
            f"inputs of the meta set are {meta_inputs.dtype}, those of the "
            f"training set {inputs.dtype}; convert one of them"
        )
    check_meta(x, meta)


def require_start_of_epoch(step: int) -> None:
    """Raise if a dataset would have to start in the middle of an epoch."""
    if step:
        raise InvalidInput(
            f"initial_step={step} needs arrays or a Source, got a dataset; "
            "pass dataset.skip(...) instead"
        )


def require_meta(method: Method, has_meta: bool) -> None:
    """Raise if a method that learns from a clean meta set has none."""
    if method.uses_meta and not has_meta:
        raise InvalidInput(
            f"{type(method).__name__} learns from a clean meta set and got "
            "none; pass fit(..., meta=(x_clean, y_clean)), batches with "
            "meta_inputs and meta_label, or set META_PER_CLASS"
        )


def checked(
    dataset: tf.data.Dataset, input_shape: tuple, classes: int
) -> tf.data.Dataset:
    """Return the dataset with dicts as batches; raise if shapes do not fit."""
    if not isinstance(dataset, tf.data.Dataset):
        raise InvalidInput(
            "expected arrays x and y, a Source, or a tf.data.Dataset, got "
            f"{type(dataset).__name__}"
        )
    dataset = _as_dicts(dataset, classes)
    spec = dataset.element_spec
    if not spec["inputs"].shape.is_compatible_with(input_shape):
        raise InvalidInput(
            f"the network takes inputs of shape {tuple(input_shape[1:])}, the "
            f"data have {tuple(spec['inputs'].shape[1:])}; resize the data (a "
            "view such as Resize) or build the network for them"
        )
    if spec["label"].shape[-1] != classes:
        raise InvalidInput(
            f"the network has {classes} classes, the data have "
            f"{spec['label'].shape[-1]}"
        )
    return dataset


def _as_dicts(dataset: tf.data.Dataset, classes: int) -> tf.data.Dataset:
    spec = dataset.element_spec
    if isinstance(spec, dict):
        meta_keys = {"meta_inputs", "meta_label"} & set(spec)
        if not {"inputs", "label"} <= set(spec) or len(meta_keys) == 1:
            raise InvalidInput(
                "a dataset of dicts needs the keys 'inputs' and 'label' (and "
                "both of 'meta_inputs', 'meta_label' or neither), got "
                f"{sorted(spec)}"
            )
        return dataset
    if not (isinstance(spec, tuple) and len(spec) == 2):
        raise InvalidInput(
            "a dataset must yield (inputs, labels) or dicts with 'inputs' and "
            f"'label', got {spec}"
        )

    def as_dict(x, y):
        if y.shape.rank == 1 or y.shape[-1] == 1:
            y = tf.reshape(tf.cast(y, "int64"), [-1])
            message = f"labels must lie in 0 to {classes - 1}"
            tf.debugging.assert_non_negative(y, message)
            tf.debugging.assert_less(y, tf.cast(classes, "int64"), message)
            y = tf.one_hot(y, classes)
        return {"inputs": x, "label": tf.cast(y, tf.float32)}

    return dataset.map(as_dict)  # too little work for threads
