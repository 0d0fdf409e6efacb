"""The moving average of a network's weights."""

import contextlib
from collections.abc import Iterator

import keras
import tensorflow as tf

from fsr_gdw_tf.errors import require_range


class MovingAverage(keras.layers.Layer):
    """An exponential moving average of weights, for evaluation."""

    def __init__(self, variables: list[keras.Variable], decay: float):
        super().__init__()
        require_range(0, 1, ema=decay)
        self.sources, self.decay = variables, decay
        self.averages = [
            keras.Variable(v, trainable=False, name=f"ema_{i}")
            for i, v in enumerate(variables)
        ]

    @property
    def pairs(self) -> list[tuple[keras.Variable, keras.Variable]]:
        """Return (weight, average) of each weight."""
        return list(zip(self.sources, self.averages, strict=True))

    def update(self, step: tf.Tensor) -> None:
        """Move the averages towards the weights after a step."""
        # Growing from 0.1, the decay soon forgets the initial weights.
        decay = tf.minimum(self.decay, (1.0 + step) / (10.0 + step))
        for v, average in self.pairs:
            average.assign(decay * average + (1.0 - decay) * v)

    def reset(self) -> None:
        """Set the averages to the current weights."""
        for v, average in self.pairs:
            average.assign(v)

    @contextlib.contextmanager
    def assigned(self) -> Iterator[None]:
        """Set the weights to their averages within the `with` block."""
        weights = [v.numpy() for v in self.sources]
        for v, average in self.pairs:
            v.assign(average)
        try:
            yield
        finally:
            for v, value in zip(self.sources, weights, strict=True):
                v.assign(value)
