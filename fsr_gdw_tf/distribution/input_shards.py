"""Split global batches over hosts and replicas."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from fsr_gdw_tf.errors import InvalidInput


class InputShard(NamedTuple):
    """The replicas that one host's input pipeline feeds.

    replicas: their number on all hosts together.
    first, count: which of them this host feeds.
    """

    replicas: int = 1
    first: int = 0
    count: int = 1

    def replica_batch_size(self, size: int, what: str = "batch") -> int:
        """Return the batch size per replica; raise if it is not even.

        what: the setting that an error message names.
        """
        if size % self.replicas:
            lower = size // self.replicas * self.replicas
            divisible = [k for k in (lower, lower + self.replicas) if k]
            raise InvalidInput(
                f"a global {what} of {size} cannot be split evenly over "
                f"{self.replicas} replicas; use "
                f"{' or '.join(map(str, divisible))}, or set the size per "
                "replica with PER_REPLICA=True"
            )
        return size // self.replicas

    def select(
        self, order: tf.Tensor | np.ndarray, replica_batch_size: int
    ) -> tf.Tensor:
        """Return this host's part of the indices of whole global batches."""
        batches = tf.reshape(order, [-1, self.replicas, replica_batch_size])
        local = batches[:, self.first : self.first + self.count]
        return tf.reshape(local, [-1])


def distribute_dataset(
    strategy: tf.distribute.Strategy,
    make: Callable[[InputShard], tf.data.Dataset],
) -> Iterable:
    """Return a dataset for all replicas; `make` returns each host's shard."""
    replicas = strategy.num_replicas_in_sync
    if replicas == 1:
        return make(InputShard())

    def make_local(context: tf.distribute.InputContext) -> tf.data.Dataset:
        count = replicas // context.num_input_pipelines
        first = context.input_pipeline_id * count
        return make(InputShard(replicas, first, count))

    return strategy.distribute_datasets_from_function(make_local)


def split_batches(
    dataset: tf.data.Dataset, shard: InputShard
) -> tf.data.Dataset:
    """Split global batches of any size into an equal part for each replica.

    The remainder of a batch is dropped: an empty part would make NaN. Every
    host reads the whole dataset, so its order must be the same on all hosts.
    """
    replicas = shard.replicas
    if replicas == 1:
        return dataset
    _require_one_each(dataset.element_spec, replicas)

    def local_parts(x: tf.Tensor) -> tf.Tensor:
        size = tf.shape(x)[0] // replicas
        shape = tf.concat([[replicas, size], tf.shape(x)[1:]], 0)
        parts = tf.reshape(x[: size * replicas], shape)
        parts = tf.ensure_shape(parts, [None, None, *x.shape[1:]])
        return parts[shard.first : shard.first + shard.count]

    def not_empty(batch: dict[str, tf.Tensor]) -> tf.Tensor:
        return tf.reduce_all([tf.size(x) > 0 for x in tf.nest.flatten(batch)])

    dataset = dataset.map(
        lambda batch: tf.nest.map_structure(local_parts, batch)
    )
    # Before `unbatch`, which crashes on parts without an example.
    return dataset.filter(not_empty).unbatch()


def _require_one_each(
    element_spec: dict[str, tf.TensorSpec], replicas: int
) -> None:
    """Raise if batches are known to have fewer examples than replicas."""
    for name, spec in element_spec.items():
        n = tf.nest.flatten(spec)[0].shape[0]
        if n is not None and n < replicas:
            raise InvalidInput(
                f"expected batches of at least {replicas} examples, one per "
                f"replica, got {n} {name!r}; use larger batches"
            )
