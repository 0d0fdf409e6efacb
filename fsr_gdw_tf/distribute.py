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


def step_uniform(step: tf.Tensor, seed: int, shape) -> tf.Tensor:
    """Uniform numbers: new each step, others on each replica.

    XLA draws other numbers from the same key than TensorFlow does, so a run
    with jit_compile repeats itself, but not a run without.
    """
    context = tf.distribute.get_replica_context()
    replica = context.replica_id_in_sync_group if context else 0
    turn = tf.cast(step, tf.int32) * replicas() + replica
    return tf.random.stateless_uniform(shape, [seed, turn])
