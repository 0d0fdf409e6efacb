"""Time and memory of a plain training step, on a copy that is thrown away."""

import time
from typing import NamedTuple

import keras
import numpy as np

from fsr_gdw_tf.classifier import Classifier
from fsr_gdw_tf.data import InputPipeline
from fsr_gdw_tf.networks.split import leaf_layers

TIMED_STEPS = 3  # after one that compiles
BYTES = 4  # of a float32
COPIES = 4  # of the weights: themselves, gradient, momentum, and a spare one
PASSES = 2  # an output is kept for the way back, with its gradient


class StepEstimate(NamedTuple):
    """Seconds of a step, and about how many bytes it needs."""

    seconds: float
    memory: float
    batch_size: int

    @property
    def seconds_per_image(self) -> float:
        """Return the seconds of a step for each of its images."""
        return self.seconds / self.batch_size


def estimate_step(
    classifier: Classifier, pipeline: InputPipeline
) -> StepEstimate:
    """Time steps of plain training of a copy of the classifier's network."""
    size = pipeline.batch_size
    network = keras.models.clone_model(
        keras.Model(
            classifier.features.inputs[0],
            classifier.head(classifier.features.outputs[0]),
        )
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    network.compile("sgd", loss)
    x = np.zeros((size, *network.input_shape[1:]), np.float32)
    y = np.zeros(size, np.int64)
    network.train_on_batch(x, y)
    start = time.perf_counter()
    for _ in range(TIMED_STEPS):
        network.train_on_batch(x, y)
    seconds = (time.perf_counter() - start) / TIMED_STEPS
    return StepEstimate(seconds, memory_of_step(network, size), size)


def memory_of_step(network: keras.Model, batch_size: int) -> float:
    """Return about how many bytes a step takes: weights and outputs."""
    weights = COPIES * BYTES * network.count_params()
    outputs = sum(_numbers(layer) for layer in leaf_layers(network))
    return weights + PASSES * BYTES * batch_size * outputs


def _numbers(layer: keras.layers.Layer) -> int:
    """Return the numbers in a layer's output for one example."""
    return int(np.prod(layer.output.shape[1:]))
