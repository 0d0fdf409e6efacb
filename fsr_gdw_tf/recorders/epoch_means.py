"""Means over an epoch, of what each step has seen."""

import numpy as np
import tensorflow as tf


class EpochMeans:
    """Sums over an epoch and over all replicas, which `means` starts anew.

    They are a variable of the layer that keeps them, so a run that goes on in
    the middle of an epoch knows its first half (Keras' metrics are not saved).
    """

    def __init__(self, part, name: str, columns):
        self.columns = tuple(columns)
        self.sums = part.add_weight(
            shape=(len(self.columns), 2),
            initializer="zeros",
            trainable=False,
            aggregation="sum",
            name=name,
        )

    def add(self, **seen: tuple[tf.Tensor, tf.Tensor]) -> None:
        """Values of a batch, and which of them count, for each column."""
        rows = []
        for column in self.columns:
            values, counts = seen[column]
            values = tf.cast(values, self.sums.dtype)
            kept = tf.where(counts, values, tf.zeros_like(values))
            count = tf.cast(counts, kept.dtype) * tf.ones_like(kept)
            rows.append(tf.stack([tf.reduce_sum(kept), tf.reduce_sum(count)]))
        self.sums.value.assign_add(tf.stack(rows))

    def means(self) -> dict[str, float]:
        """Each column's mean since the last time, if there were any values."""
        sums = np.array(self.sums)
        self.sums.assign(np.zeros_like(sums))
        return {
            column: total / count
            for column, (total, count) in zip(
                self.columns, sums.tolist(), strict=True
            )
            if count
        }
