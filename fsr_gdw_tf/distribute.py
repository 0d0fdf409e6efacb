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


def step_seed(seed: int, step: tf.Tensor) -> tf.Tensor:
    """A seed for stateless random ops: new each step, other on each replica."""
    context = tf.distribute.get_replica_context()
    replica = context.replica_id_in_sync_group if context else 0
    key = tf.stack([tf.constant(seed, tf.int32), tf.cast(step, tf.int32)])
    return tf.random.experimental.stateless_fold_in(key, replica)
