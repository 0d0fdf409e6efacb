"""Steps on a single batch of arrays, outside of `fit`."""

from collections.abc import Callable
from typing import Any

import keras

from fsr_gdw_tf.data import data_adapter
from fsr_gdw_tf.data.pipeline import InputPipeline
from fsr_gdw_tf.data.user_data import NetworkInputs
from fsr_gdw_tf.errors import InvalidInput


def as_batch(
    x: Any,
    y: Any,
    network: NetworkInputs,
    sample_weight: Any = None,
    class_weight: dict[int, float] | None = None,
) -> dict:
    """Return arrays as a batch, without the index of examples."""
    source = data_adapter.as_source(x, y, network, sample_weight)
    if not hasattr(source, "labels"):
        raise InvalidInput(
            f"expected arrays x and y of a batch, got {type(x).__name__} "
            "without labels; pass both"
        )
    source = data_adapter.with_class_weights(source, class_weight, network)
    dataset = InputPipeline(len(source)).test(source)
    dataset = data_adapter.checked(dataset, network, raw=False)
    batch = dict(next(iter(dataset)))
    del batch["index"]  # that of this batch, not of a training set
    return batch


def run(classifier: keras.Model, function: Callable, batch: dict) -> dict:
    """Return the metrics of a train or test function on one batch."""
    if classifier.replicas > 1:
        raise InvalidInput(
            "train_on_batch and test_on_batch run on one replica, got "
            f"{classifier.replicas}; call fit or evaluate"
        )
    classifier.reset_metrics()
    before = classifier.steps_per_execution, classifier.length_known
    classifier.steps_per_execution, classifier.length_known = 1, False
    classifier.steps.assign(0)
    try:
        logs = function(iter([batch]))
    finally:
        classifier.steps_per_execution, classifier.length_known = before
        classifier.step.assign(0)
    return {name: float(value) for name, value in logs.items()}
