"""How replicas share a step; with `devices.py` the only file that knows them.

Keras optimizers add the gradients of the replicas up, so a loss is divided by
the number of examples in the GLOBAL batch; one replica and several then take
the same step. Each global batch is cut into one part per replica before any
input of a `Source` is read, so no host decodes what it does not train on.
"""

import functools

import tensorflow as tf

from fsr_gdw_tf.distribution.hosts import host


def total_over_replicas(value: int, strategy: tf.distribute.Strategy) -> int:
    """The sum of what each replica's host says; all hosts must ask."""
    if host().count < 2:
        return value * strategy.num_replicas_in_sync
    return int(_total(strategy)(tf.constant(value)))


def wait_for_all(strategy: tf.distribute.Strategy) -> None:
    """Nobody leaves before the first host has written; all hosts must ask."""
    total_over_replicas(0, strategy)


@functools.cache
def _total(strategy: tf.distribute.Strategy):
    @tf.function
    def total(value):
        each = strategy.run(tf.identity, args=(value,))
        return strategy.reduce("SUM", each, axis=None)

    return total


def replicas() -> int:
    """How many replicas compute the current step together."""
    return tf.distribute.get_strategy().num_replicas_in_sync


def mean(per_example: tf.Tensor) -> tf.Tensor:
    """This replica's part of the mean over the global batch."""
    return tf.reduce_mean(per_example) / replicas()


def global_size(per_example: tf.Tensor) -> tf.Tensor:
    """The number of examples in the global batch."""
    return tf.shape(per_example)[0] * replicas()


def all_reduce_sum(tensors):
    """The sum over all replicas, differentiable."""
    if replicas() == 1:
        return tensors
    context = tf.distribute.get_replica_context()
    return context.all_reduce(tf.distribute.ReduceOp.SUM, tensors)


def average_variables(variables) -> None:
    """Bring what each replica has learned for itself to their mean.

    Keras leaves every replica its own moving statistics of normalisation, so
    tests would differ between them, and a checkpoint would hold those of one.
    """
    if replicas() == 1 or not variables:
        return
    values = [tf.reshape(v.value, [-1]) for v in variables]
    # One message instead of a hundred small ones.
    mean = all_reduce_sum(tf.concat(values, 0)) / replicas()
    parts = tf.split(mean, [v.shape[0] for v in values])
    for variable, part in zip(variables, parts, strict=True):
        variable.assign(tf.reshape(part, variable.shape))


MIXING, DRAWING = 0, 1  # streams of random numbers in a step


def step_uniform(step, seed: int, stream: int, shape, same=False) -> tf.Tensor:
    """Uniform numbers: new each step, others on each replica unless `same`.

    XLA draws other numbers from the same key than TensorFlow does, so a run
    with jit_compile repeats itself, but not a run without.
    """
    turn = tf.cast(step, tf.int32)
    if not same:
        turn = turn * replicas() + _replica()
    key = [3 * seed + stream, turn]
    return tf.random.stateless_uniform(shape, key)


def all_reduce_min(values: tf.Tensor) -> tf.Tensor:
    """The minimum over all replicas."""
    return tf.reduce_min(all_gather(tf.reduce_min(values, keepdims=True)))


def all_gather(rows: tf.Tensor) -> tf.Tensor:
    """The rows of all replicas, one replica's after another's.

    As a sum: TensorFlow's all_gather fails on several hosts.
    """
    mine = tf.range(replicas()) == _replica()
    mine = tf.reshape(mine, [-1, *([1] * rows.shape.rank)])
    # Chosen, not multiplied: a product of matrices rounds on some devices.
    own = tf.where(mine, rows[None], tf.zeros_like(rows)[None])
    return tf.reshape(all_reduce_sum(own), [-1, *rows.shape[1:]])


def local_slice(rows: tf.Tensor) -> tf.Tensor:
    """This replica's part of rows for all, as `everyones` puts them."""
    size = tf.shape(rows)[0] // replicas()
    return rows[_replica() * size :][:size]


def global_ranks(values: tf.Tensor) -> tf.Tensor:
    """How many values of the global batch are smaller than each of ours.

    Of equal ones the first is the smallest, so that no two have one rank.
    """
    every = all_gather(values)
    place = tf.range(tf.shape(every)[0])
    before = place[None] < local_slice(place)[:, None]
    same = every[None] == values[:, None]
    less = (every[None] < values[:, None]) | (same & before)
    return tf.reduce_sum(tf.cast(less, "int32"), axis=1)


def _replica() -> tf.Tensor | int:
    context = tf.distribute.get_replica_context()
    return context.replica_id_in_sync_group if context else 0
