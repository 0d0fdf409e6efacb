"""Convert and check the data that users pass to `fit` and `evaluate`."""

import dataclasses
from typing import Any

import numpy as np
import tensorflow as tf

from fsr_gdw_tf.data import batch_dicts, nested, user_data
from fsr_gdw_tf.data.finite import require_finite
from fsr_gdw_tf.data.numbering import NumberedDataset, count_shared
from fsr_gdw_tf.data.pipeline import InputPipeline
from fsr_gdw_tf.data.preprocessing import preprocess_dataset, preprocess_source
from fsr_gdw_tf.data.source import Source, arrays, join
from fsr_gdw_tf.data.splits import check_meta, require_disjoint
from fsr_gdw_tf.data.user_data import NetworkInputs, UserData
from fsr_gdw_tf.errors import InvalidInput
from fsr_gdw_tf.method import Method


def adapt(
    x: Any,
    meta: Any,
    meta_in_training: bool,
    method: Method,
    network: NetworkInputs,
) -> tuple[Any, Source | None]:
    """Return (training data, clean meta set), arrays converted to sources.

    With `meta_in_training` the meta set is appended to the training data. The
    meta set is None for methods that do not learn from one.
    """
    meta = as_source(meta, None, network)
    for data, what in ((x, "training examples"), (meta, "meta examples")):
        if isinstance(data, Source):
            require_finite(data, what)
    if meta is not None:
        check_meta_fits(x, meta)
        if not (method.uses_meta or meta_in_training):
            raise InvalidInput(
                f"{type(method).__name__} does not learn from a clean meta "
                "set; pass meta_in_training=True to train on it, or a method "
                "that does, such as GDW() or FSR(meta=None)"
            )
        if meta_in_training:
            _require_source(x)
            x = join(x, meta)
    return x, meta if method.uses_meta else None


def as_source(
    x: Any,
    y: Any,
    network: NetworkInputs,
    sample_weight: Any = None,
    batch_size: int | None = None,
    steps: int | None = None,
) -> Any:
    """Return labelled data as a source, a dataset as one of batches.

    The other arguments are those of `user_data.read`.
    """
    data = UserData(x, y, sample_weight)
    return to_source(user_data.read(data, network, batch_size, steps), network)


def to_source(data: UserData, network: NetworkInputs) -> Any:
    """Return what `user_data.read` gives as a source, a dataset as it is."""
    x, y, sample_weight, names = data
    if y is not None and not isinstance(x, Source):
        names = names or network.class_names
        x = arrays(network.as_arrays(x, len(y)), y, names)
    if not isinstance(x, Source):
        if sample_weight is not None:
            raise InvalidInput(
                "sample_weight goes with arrays or a Source; a dataset brings "
                "weights as a third part, (inputs, labels, weights)"
            )
        return x
    x = preprocess_source(x, network.preprocessor)
    return x if sample_weight is None else multiply_weights(x, sample_weight)


def multiply_weights(source: Source, weights: Any) -> Source:
    """Return the source with each loss multiplied by its weight as well."""
    weights = np.asarray(weights, np.float32)
    if weights.size != len(source) or (weights < 0).any():
        raise InvalidInput(
            f"sample_weight is a number of 0 or more for each of {len(source)} "
            f"examples, got the shape {weights.shape}"
            + (" with negative ones" if (weights < 0).any() else "")
        )
    weights = weights.reshape(-1)
    if source.weights is not None:
        weights = weights * source.weights
    return source.with_weights(weights)


def with_class_weights(
    data: Any, class_weight: dict[int, float] | None, network: NetworkInputs
) -> Any:
    """Return the data with each weight multiplied by that of its class."""
    factors = batch_dicts.class_weights(class_weight, network.classes)
    if factors is None:
        return data
    if isinstance(data, Source):
        return multiply_weights(data, factors[data.labels])
    dataset = checked(data, network._replace(preprocessor=None, structure=None))
    return batch_dicts.multiply_weights(dataset, factors)


def as_unlabelled(
    x: Any,
    network: NetworkInputs,
    batch_size: int | None = None,
    steps: int | None = None,
) -> Any:
    """Return inputs as a source with labels of zero, or a dataset."""
    x = user_data.read_inputs(x, network, batch_size, steps)
    is_arrays = hasattr(x, "__array__") or isinstance(x, (dict, list, tuple))
    if not is_arrays:
        return (
            preprocess_source(x, network.preprocessor)
            if isinstance(x, Source)
            else x
        )
    x = network.as_arrays(x)
    labels = np.zeros(nested.size(x), np.int64)
    source = arrays(x, labels, network.class_names)
    return preprocess_source(source, network.preprocessor)


def split_validation(
    data: tuple[Any, Any, Any], kwargs: dict, network: NetworkInputs
) -> tuple[Any, Any, Any]:
    """Apply Keras' validation_split, which holds out the last examples.

    data: x, y and sample_weight.
    """
    share = kwargs.pop("validation_split", 0.0)
    if not share or kwargs.get("validation_data") is not None:
        return data
    x, y, weight = data
    if y is None or not 0 < share < 1:
        raise InvalidInput(
            "validation_split is a share in (0, 1) of arrays x and y, got "
            f"{share} of {type(x).__name__}"
        )
    n = int(len(y) * (1.0 - share))
    parts = [network.as_arrays(x, len(y)), np.asarray(y)]
    if weight is not None:
        parts.append(np.asarray(weight))
    kwargs["validation_data"] = nested.take(tuple(parts), slice(n, None))
    return (*nested.take(tuple(parts), slice(n)), None)[:3]


def make_pipeline(
    data: Any,
    pipeline: InputPipeline | None,
    batch_size: int | None,
    seed: int,
    kwargs: dict,
    replicas: int = 1,
) -> InputPipeline:
    """Return the given pipeline, or one with Keras' default batch size of 32.

    Its sizes are global. As in Keras a batch is not larger than the data.
    """
    shuffle = kwargs.pop("shuffle", True)
    if pipeline is None:
        size = 32 if batch_size is None else batch_size
        if isinstance(data, NumberedDataset):
            size = batch_size = data.batch_size
        if isinstance(data, Source):
            size = min(size, len(data))
        if batch_size is None:
            size = max(size // replicas, 1) * replicas
        pipeline = InputPipeline(size, seed=seed, shuffle=shuffle)
    pipeline = _with_steps(data, pipeline, kwargs)
    return pipeline.with_global_sizes(replicas)


def _with_steps(
    data: Any, pipeline: InputPipeline, kwargs: dict
) -> InputPipeline:
    """Return the pipeline with Keras' `steps_per_epoch`, if that is given."""
    steps = kwargs.get("steps_per_epoch")
    if steps is None or not isinstance(data, Source):
        return pipeline
    if steps < 1:
        raise InvalidInput(f"steps_per_epoch must be 1 or more, got {steps}")
    return dataclasses.replace(pipeline, steps_per_epoch=steps)


def _require_source(x: Any) -> None:
    if not isinstance(x, Source):
        raise InvalidInput(
            "meta_in_training goes with arrays or a Source, got a dataset; "
            "concatenate the clean examples to it"
        )


def check_meta_fits(x: Any, meta: Any) -> None:
    """Raise if the meta set's inputs or labels do not fit the training data."""
    if not isinstance(x, (Source, NumberedDataset)):
        raise InvalidInput(
            "meta goes with arrays, a Source or a finite dataset; others bring "
            "their own meta_inputs and meta_label in each batch"
        )
    if not isinstance(meta, Source):
        raise InvalidInput(
            "meta is arrays (x_clean, y_clean) or a Source, got "
            f"{type(meta).__name__}"
        )
    first, first_meta = x.load([0]), meta.load([0])
    try:
        pairs = tf.nest.map_structure(lambda a, b: (a, b), first, first_meta)
    except (TypeError, ValueError) as error:
        raise InvalidInput(
            "inputs of the meta set are not as many, or not of the same names, "
            "as those of the training set; pass the same inputs for both"
        ) from error
    flat = tf.nest.flatten(pairs)
    for inputs, meta_inputs in zip(flat[::2], flat[1::2], strict=True):
        _check_same_kind(inputs, meta_inputs)
    if isinstance(x, NumberedDataset):
        require_disjoint(count_shared(x, meta), meta)
        x = x.source
    check_meta(x, meta)


def _check_same_kind(inputs: np.ndarray, meta_inputs: np.ndarray) -> None:
    same_rank = inputs.ndim == meta_inputs.ndim
    if not same_rank or inputs.shape[1:][-1:] != meta_inputs.shape[1:][-1:]:
        raise InvalidInput(
            f"inputs of the meta set have shape {meta_inputs.shape[1:]}, those "
            f"of the training set {inputs.shape[1:]}; resize one of them"
        )
    if inputs.dtype != meta_inputs.dtype:
        raise InvalidInput(
            f"inputs of the meta set are {meta_inputs.dtype}, those of the "
            f"training set {inputs.dtype}; convert one of them"
        )


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
            "meta_inputs and meta_label, or set META_PER_CLASS (META_DIR or "
            "META_LIST for your own images)"
        )


def checked(
    dataset: tf.data.Dataset, network: NetworkInputs, raw: bool = True
) -> tf.data.Dataset:
    """Return the dataset with dicts as batches; raise if shapes do not fit.

    raw: whether it is the user's, and not made from a source.
    """
    if not isinstance(dataset, tf.data.Dataset):
        raise InvalidInput(
            "expected arrays x and y, a Source, or a tf.data.Dataset, got "
            f"{type(dataset).__name__}"
        )
    dataset = batch_dicts.as_dicts(dataset, network.class_names)
    if raw:
        dataset = preprocess_dataset(dataset, network.preprocessor)
    spec = dataset.element_spec
    batch_dicts.check_inputs(spec["inputs"], network.structure)
    if spec["label"].shape[-1] != network.classes:
        raise InvalidInput(
            f"the network has {network.classes} classes, the data have "
            f"{spec['label'].shape[-1]}"
        )
    return dataset
