"""Which part of each global batch a host reads, and each replica gets."""

from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

from fsr_gdw_tf.errors import InvalidInput


class InputShard(NamedTuple):
    """The replicas, out of all, that one host's input pipeline feeds."""

    replicas: int = 1
    first: int = 0
    count: int = 1

    def replica_batch_size(self, size: int, what: str = "batch") -> int:
        """How many examples of a global batch each replica gets."""
        if size % self.replicas:
            lower = size // self.replicas * self.replicas
            fitting = [k for k in (lower, lower + self.replicas) if k]
            raise InvalidInput(
                f"a global {what} of {size} cannot be split evenly over "
                f"{self.replicas} replicas; take "
                f"{' or '.join(map(str, fitting))}, or let it count for each "
                "replica (PER_REPLICA)"
            )
        return size // self.replicas

    def select(self, order, replica_batch_size: int):
        """What these replicas see of an order of global batches."""
        cut = tf.reshape(order, [-1, self.replicas, replica_batch_size])
        mine = cut[:, self.first : self.first + self.count]
        return tf.reshape(mine, [-1])


def distribute_dataset(
    strategy: tf.distribute.Strategy,
    make: Callable[[InputShard], tf.data.Dataset],
):
    """The same dataset for all replicas; each host reads its own share."""
    total = strategy.num_replicas_in_sync
    if total == 1:
        return make(InputShard())

    def of_host(context: tf.distribute.InputContext) -> tf.data.Dataset:
        count = total // context.num_input_pipelines
        return make(InputShard(total, context.input_pipeline_id * count, count))

    return strategy.distribute_datasets_from_function(of_host)


def split_batches(
    dataset: tf.data.Dataset, share: InputShard
) -> tf.data.Dataset:
    """Global batches of any size as even parts for each replica.

    What cannot be split evenly is left out: an empty part would make NaN. On
    several hosts each reads the whole dataset, so that it has to come in the
    same order on all of them.
    """
    count = share.replicas
    if count == 1:
        return dataset
    for name, spec in dataset.element_spec.items():
        if spec.shape[0] is not None and spec.shape[0] < count:
            raise InvalidInput(
                f"batches hold {spec.shape[0]} {name}, fewer than the {count} "
                "replicas that share them; make them larger"
            )

    def parts(x: tf.Tensor) -> tf.Tensor:
        size = tf.shape(x)[0] // count
        shape = tf.concat([[count, size], tf.shape(x)[1:]], 0)
        even = tf.reshape(x[: size * count], shape)
        even = tf.ensure_shape(even, [None, None, *x.shape[1:]])
        return even[share.first : share.first + share.count]

    def filled(batch) -> tf.Tensor:
        return tf.reduce_all([tf.size(x) > 0 for x in batch.values()])

    dataset = dataset.map(lambda batch: tf.nest.map_structure(parts, batch))
    # Before `unbatch`, which crashes on parts without an example.
    return dataset.filter(filled).unbatch()
