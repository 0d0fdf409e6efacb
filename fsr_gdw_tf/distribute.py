"""The only file that knows about replicas.

Keras optimizers add the gradients of the replicas up, so a loss is divided by
the number of examples in the GLOBAL batch; one replica and several then take
the same step.
"""

import tensorflow as tf


def replicas() -> int:
    """How many replicas compute the current step together."""
    return tf.distribute.get_strategy().num_replicas_in_sync


def mean(per_example: tf.Tensor) -> tf.Tensor:
    """This replica's part of the mean over the global batch."""
    return tf.reduce_mean(per_example) / replicas()


def global_size(per_example: tf.Tensor) -> tf.Tensor:
    """The number of examples in the global batch."""
    return tf.shape(per_example)[0] * replicas()


def add_up(tensors):
    """The sum over all replicas, differentiable."""
    if replicas() == 1:
        return tensors
    context = tf.distribute.get_replica_context()
    return context.all_reduce(tf.distribute.ReduceOp.SUM, tensors)


def write_rows(table, index: tf.Tensor, rows: tf.Tensor) -> None:
    """table[index] <- rows, on all replicas; no index twice in a batch.

    A mirrored variable takes no scatter, so the difference is added as a
    whole; the table is created with aggregation="sum".
    """
    rows = tf.cast(rows, table.dtype)
    change = rows - tf.gather(table.value, index)
    whole = tf.scatter_nd(index[:, None], change, table.shape)
    table.value.assign_add(whole)


MIXING, DRAWING, AUGMENTING = range(3)  # streams of random numbers in a step


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


def smallest(values: tf.Tensor) -> tf.Tensor:
    """The minimum over all replicas."""
    own = tf.one_hot(_replica(), replicas(), dtype=values.dtype)
    return tf.reduce_min(add_up(own * tf.reduce_min(values)))


def _replica() -> tf.Tensor | int:
    context = tf.distribute.get_replica_context()
    return context.replica_id_in_sync_group if context else 0
