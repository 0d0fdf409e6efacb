"""What `fit` prepares: data with numbers, meta batches, callbacks."""

import warnings
from typing import Any

import keras
import tensorflow as tf

from fsr_gdw_tf.callbacks.dictionary import RefreshDictionary
from fsr_gdw_tf.callbacks.method_progress import MethodProgress
from fsr_gdw_tf.callbacks.progress_bar import ProgressBar
from fsr_gdw_tf.data import data_adapter, numbering, user_data
from fsr_gdw_tf.data.numbering import NumberedDataset
from fsr_gdw_tf.data.overlap import in_training
from fsr_gdw_tf.data.pipeline import InputPipeline
from fsr_gdw_tf.data.source import Source
from fsr_gdw_tf.data.user_data import UserData
from fsr_gdw_tf.errors import InvalidInput
from fsr_gdw_tf.method import Component
from fsr_gdw_tf.recorders import Recorder


def read(
    classifier: keras.Model,
    data: UserData,
    batch_size: int | None,
    kwargs: dict,
) -> tuple[Any, Any, Any]:
    """Return x, y and sample_weight; keep the names of the classes."""
    steps = kwargs.get("steps_per_epoch")
    data = user_data.read(data, classifier.network_inputs, batch_size, steps)
    if data.class_names is not None:
        classifier.names_of_classes = tuple(map(str, data.class_names))
    return data[:3]


def number(classifier: keras.Model, x: Any, meta: Any) -> Any:
    """Return a dataset with a number for each example, if that is possible.

    Sources have numbers. Nothing is read if no part of the classifier has
    state for each example. With a meta set it must be possible.
    """
    parts = [*classifier.components, *classifier.recorders]
    stateless = Component.setup, Recorder.setup
    if isinstance(x, Source) or all(type(p).setup in stateless for p in parts):
        return x
    network = classifier.network_inputs
    dataset = data_adapter.checked(x, network)
    classifier.unnumbered = ""
    try:
        numbered = numbering.number(
            dataset, network.class_names, classifier.numbering
        )
    except InvalidInput as error:
        if meta is not None:
            raise
        classifier.unnumbered = str(error)
        return x
    classifier.numbering = numbered.numbering
    return numbered


def warn_of_overlap(classifier: keras.Model, x: Any, kwargs: dict) -> None:
    """Warn if validation examples are trained on; Keras' `fit` takes them.

    Arrays are converted on the way, and stay so.
    """
    data = kwargs.get("validation_data")
    if not (isinstance(x, Source) and isinstance(data, (tuple, Source))):
        return
    network = classifier.network_inputs
    test = data_adapter.as_source(data, None, network)
    kwargs["validation_data"] = test
    shared = in_training(x, test).sum() if isinstance(test, Source) else 0
    if shared:
        warnings.warn(
            f"{shared} of {len(test)} validation examples are also in the "
            "training set: metrics on them say little about new examples",
            stacklevel=3,
        )


def setup(
    classifier: keras.Model, source: Source | None, pipeline: InputPipeline
) -> None:
    """Set all parts up; an error says why a dataset has no numbers."""
    try:
        classifier.setup(source, pipeline)
    except InvalidInput as error:
        if source is None and classifier.unnumbered:
            raise InvalidInput(f"{error}; {classifier.unnumbered}") from error
        raise


def batches(
    classifier: keras.Model,
    x: Any,
    pipeline: InputPipeline,
    span: tuple[int, int],
    meta: Source | None,
    kwargs: dict,
) -> tf.data.Dataset:
    """Return the batches of a dataset, with those of a meta set.

    span: the epoch after the last, and the first.
    """
    if isinstance(x, NumberedDataset):
        dataset = x.batches
    else:
        dataset = data_adapter.checked(x, classifier.network_inputs)
    method = classifier.method
    own_meta = "meta_inputs" in dataset.element_spec
    data_adapter.require_meta(method, own_meta or meta is not None)
    if meta is None or not method.meta_in_batches:
        return dataset
    steps = kwargs.get("steps_per_epoch") or int(dataset.cardinality())
    kwargs["steps_per_epoch"] = steps
    return pipeline.with_meta(dataset, meta, *span, steps)


def add_callbacks(
    classifier: keras.Model,
    source: Source | None,
    clean: Source | None,
    first_epoch: int,
    kwargs: dict,
) -> None:
    """Put what methods need around epochs before the user's callbacks."""
    own = [MethodProgress(source, clean)]
    dictionary = classifier.method.dictionary
    if dictionary is not None:
        own.insert(0, RefreshDictionary(dictionary, source, first_epoch))
    given = kwargs.get("callbacks") or ()
    if isinstance(given, keras.callbacks.Callback):
        given = [given]
    bars = [c for c in given if isinstance(c, keras.callbacks.ProgbarLogger)]
    if kwargs.get("verbose", "auto") and not bars:
        bars = [ProgressBar(m.name for m in classifier.all_users_metrics)]
        given = [*given, *bars]  # all others add to the numbers it shows
    kwargs["callbacks"] = [*own, *given]
