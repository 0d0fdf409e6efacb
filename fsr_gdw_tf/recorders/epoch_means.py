"""Means over an epoch of values that are added in each step."""

from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf


class EpochMeans:
    """Sums over an epoch and over all replicas; `means` resets them.

    The sums are a variable of the given layer, so that they are saved in
    checkpoints in the middle of an epoch, which Keras' metrics are not.
    """

    def __init__(
        self, layer: keras.layers.Layer, name: str, columns: Sequence[str]
    ):
        self.columns = tuple(columns)
        self.sums = layer.add_weight(
            shape=(len(self.columns), 2),
            initializer="zeros",
            trainable=False,
            aggregation="sum",
            name=name,
        )

    def add(self, **masked_values: tuple[tf.Tensor, tf.Tensor]) -> None:
        """Add each column's values of a batch, where its mask is true."""
        rows = []
        for column in self.columns:
            values, mask = masked_values[column]
            values = tf.cast(values, self.sums.dtype)
            values = tf.where(mask, values, tf.zeros_like(values))
            count = tf.cast(mask, values.dtype) * tf.ones_like(values)
            rows.append(tf.stack([tf.reduce_sum(values), tf.reduce_sum(count)]))
        self.sums.value.assign_add(tf.stack(rows))

    def means(self) -> dict[str, float]:
        """Return each column's mean since the last call, if it has values."""
        sums = np.array(self.sums)
        self.sums.assign(np.zeros_like(sums))
        return {
            column: total / count
            for column, (total, count) in zip(
                self.columns, sums.tolist(), strict=True
            )
            if count
        }
