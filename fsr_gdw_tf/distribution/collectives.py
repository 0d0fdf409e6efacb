"""Reductions over replicas: sums, means, gathers, and random numbers.

Keras optimizers add up the gradients of the replicas, so a loss is divided by
the number of examples in the GLOBAL batch; one replica and several then take
the same step. A global batch is split into one part per replica before any
input of a `Source` is read, so no host decodes images it does not train on.
"""

import contextlib
import functools
from collections.abc import Callable, Sequence
from typing import TypeVar

import keras
import tensorflow as tf

from fsr_gdw_tf.distribution.hosts import host

Tensors = TypeVar("Tensors")  # a tensor, or a list of tensors


def total_over_replicas(value: int, strategy: tf.distribute.Strategy) -> int:
    """Return the sum over replicas of their hosts' values; a collective."""
    if host().count < 2:
        return value * strategy.num_replicas_in_sync
    return int(_total(strategy)(tf.constant(value)))


def wait_for_all(strategy: tf.distribute.Strategy) -> None:
    """Wait until all hosts have called this, so that none exits early.

    A host that has a sum may exit while others still receive it, and these
    would fail. So there is a second sum, which a host takes part in when it has
    the first, and whose failure means that another one has gone on.
    """
    total_over_replicas(0, strategy)
    with contextlib.suppress(tf.errors.OpError):
        total_over_replicas(0, strategy)


@functools.cache
def _total(strategy: tf.distribute.Strategy) -> Callable:
    @tf.function
    def total(value):
        per_replica = strategy.run(tf.identity, args=(value,))
        return strategy.reduce("SUM", per_replica, axis=None)

    return total


def replicas() -> int:
    """Return the number of replicas of the current strategy."""
    return tf.distribute.get_strategy().num_replicas_in_sync


def mean(per_example: tf.Tensor) -> tf.Tensor:
    """Return this replica's part of the mean over the global batch."""
    return tf.reduce_mean(per_example) / replicas()


def global_size(per_example: tf.Tensor) -> tf.Tensor:
    """Return the number of examples in the global batch."""
    return tf.shape(per_example)[0] * replicas()


def all_reduce_sum(tensors: Tensors) -> Tensors:
    """Return the sums over all replicas; differentiable."""
    if replicas() == 1:
        return tensors
    context = tf.distribute.get_replica_context()
    return context.all_reduce(tf.distribute.ReduceOp.SUM, tensors)


def average_variables(variables: Sequence[keras.Variable]) -> None:
    """Replace variables that differ between replicas by their mean.

    With Keras every replica has its own moving statistics of normalisation:
    tests would differ between them, and a checkpoint would hold those of one.
    """
    if replicas() == 1 or not variables:
        return
    values = [tf.reshape(v.value, [-1]) for v in variables]
    # One large message is faster than a hundred small ones.
    mean = all_reduce_sum(tf.concat(values, 0)) / replicas()
    parts = tf.split(mean, [v.shape[0] for v in values])
    for variable, part in zip(variables, parts, strict=True):
        variable.assign(tf.reshape(part, variable.shape))


MIXING, DRAWING = 0, 1  # independent streams of random numbers in a step


def step_uniform(
    step: tf.Tensor,
    seed: int,
    stream: int,
    shape: Sequence[int],
    same: bool = False,
) -> tf.Tensor:
    """Return uniform random numbers of a step.

    same: whether all replicas get the same numbers.

    XLA draws other numbers from a key than TensorFlow does, so a run with
    jit_compile is reproducible, but not by a run without.
    """
    counter = tf.cast(step, tf.int32)
    if not same:
        counter = counter * replicas() + _replica()
    key = [3 * seed + stream, counter]
    return tf.random.stateless_uniform(shape, key)


def all_reduce_min(values: tf.Tensor) -> tf.Tensor:
    """Return the minimum over all replicas."""
    return tf.reduce_min(all_gather(tf.reduce_min(values, keepdims=True)))


def all_gather(rows: tf.Tensor) -> tf.Tensor:
    """Return the rows of all replicas, in the order of the replicas.

    Computed as a sum: TensorFlow's all_gather fails on several hosts.
    """
    is_local = tf.range(replicas()) == _replica()
    is_local = tf.reshape(is_local, [-1, *([1] * rows.shape.rank)])
    # Not a matrix product, which would round on some devices.
    local = tf.where(is_local, rows[None], tf.zeros_like(rows)[None])
    return tf.reshape(all_reduce_sum(local), [-1, *rows.shape[1:]])


def local_slice(rows: tf.Tensor) -> tf.Tensor:
    """Return this replica's part of rows that `all_gather` returned."""
    size = tf.shape(rows)[0] // replicas()
    return rows[_replica() * size :][:size]


def global_ranks(values: tf.Tensor) -> tf.Tensor:
    """Return each value's rank in the global batch, 0 for the smallest.

    Of equal values the first has the smaller rank, so all ranks differ.
    """
    gathered = all_gather(values)
    position = tf.range(tf.shape(gathered)[0])
    before = position[None] < local_slice(position)[:, None]
    equal = gathered[None] == values[:, None]
    less = (gathered[None] < values[:, None]) | (equal & before)
    return tf.reduce_sum(tf.cast(less, "int32"), axis=1)


def _replica() -> tf.Tensor | int:
    context = tf.distribute.get_replica_context()
    return context.replica_id_in_sync_group if context else 0
