"""Whatever a user passes to `fit` or `evaluate`, as a dataset of our dicts."""

import numpy as np
import tensorflow as tf

from fsr_gdw_tf.data.pipeline import InputPipeline
from fsr_gdw_tf.data.source import Source, arrays, join
from fsr_gdw_tf.data.splits import check_meta
from fsr_gdw_tf.errors import InvalidInput


def as_source(x, y, classes: int):
    """Pairs of arrays become a source; anything else stays as it is."""
    pair = x if y is None else (x, y)
    if not isinstance(pair, tuple):
        return pair
    if len(pair) != 2:
        raise InvalidInput(
            f"expected a pair (x, y), got {len(pair)} parts; sample weights "
            "are learned by the method, not given"
        )
    return arrays(*pair, class_names=[str(c) for c in range(classes)])


def unlabelled(x, classes: int):
    """Arrays become a source whose labels say nothing; all else stays."""
    if isinstance(x, Source) or not hasattr(x, "__array__"):
        return x
    labels = np.zeros(len(x), np.int64)
    return arrays(x, labels, class_names=[str(c) for c in range(classes)])


def hold_out_tail(x, y, kwargs: dict):
    """Keras' validation_split: the last share of the arrays is not trained."""
    share = kwargs.pop("validation_split", 0.0)
    if not share or kwargs.get("validation_data") is not None:
        return x, y
    if y is None or not 0 < share < 1:
        raise InvalidInput(
            "validation_split is a share in (0, 1) of arrays x and y, got "
            f"{share} of {type(x).__name__}"
        )
    cut = int(len(x) * (1.0 - share))
    kwargs["validation_data"] = (x[cut:], y[cut:])
    return x[:cut], y[:cut]


def pipeline_for(
    data, batch_size: int | None, kwargs: dict, replicas: int = 1
) -> InputPipeline:
    """The caller's batches, or batches of about 32, Keras' default."""
    for name in ("sample_weight", "class_weight"):
        if kwargs.pop(name, None) is not None:
            raise InvalidInput(f"{name} is not supported: the method weighs")
    if isinstance(data, Source) and kwargs.get("steps_per_epoch") is not None:
        raise InvalidInput(
            "steps_per_epoch follows from the batch size for arrays and "
            "sources; leave it out"
        )
    if batch_size is None:
        batch_size = min(32, len(data)) if isinstance(data, Source) else 32
        batch_size = max(batch_size // replicas, 1) * replicas
    seed, shuffle = kwargs.pop("seed", 0), kwargs.pop("shuffle", True)
    default = InputPipeline(batch_size, seed=seed, shuffle=shuffle)
    return kwargs.pop("batches", None) or default


def with_meta(x, meta, meta_in_training: bool):
    """The training data, checked against the meta set or joined with it."""
    if meta is None:
        return x
    if not (isinstance(x, Source) and isinstance(meta, Source)):
        raise InvalidInput(
            "meta goes with arrays or a Source; a dataset brings its own "
            "meta_inputs and meta_label in each batch"
        )
    one, other = (s.load([0]) for s in (x, meta))
    if one.shape[-1] != other.shape[-1] or one.ndim != other.ndim:
        raise InvalidInput(
            f"inputs of the meta set have shape {other.shape[1:]}, those of "
            f"the training set {one.shape[1:]}"
        )
    if one.dtype != other.dtype:
        raise InvalidInput(
            f"inputs of the meta set are {other.dtype}, those of the training "
            f"set {one.dtype}; convert one of them"
        )
    check_meta(x, meta)
    return join(x, meta) if meta_in_training else x


def clean_set(x, method, classes: int, kwargs: dict):
    """(what trains the network, what teaches the method) from fit's `meta`."""
    meta = as_source(kwargs.pop("meta", None), None, classes)
    joined = kwargs.pop("meta_in_training", False)
    x = with_meta(x, meta, joined)
    if method.uses_meta:
        return x, meta
    if meta is not None and not joined:
        raise InvalidInput(
            f"{type(method).__name__} does not learn from a clean meta set; "
            "pass meta_in_training=True to train on it, or a method that does, "
            "such as GDW() or FSR(meta=None)"
        )
    return x, None


def require_start(step: int) -> None:
    """A dataset has no middle of an epoch that could be found again."""
    if step:
        raise InvalidInput(
            f"initial_step={step} goes with arrays or a Source; a dataset "
            "begins where it begins (its own skip() can help)"
        )


def require_meta(method, present: bool) -> None:
    """A method that learns from a clean meta set gets one."""
    if method.uses_meta and not present:
        raise InvalidInput(
            f"{type(method).__name__} learns from a clean meta set and got "
            "none; pass fit(..., meta=(x_clean, y_clean)), batches with "
            "meta_inputs and meta_label, or set META_PER_CLASS"
        )


def checked(dataset, input_shape, classes: int) -> tf.data.Dataset:
    """A dataset of dicts whose shapes fit the network."""
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
        halves = {"meta_inputs", "meta_label"} & set(spec)
        if not {"inputs", "label"} <= set(spec) or len(halves) == 1:
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
