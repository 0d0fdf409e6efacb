"""The order of the examples of an epoch, and its random numbers."""

import tensorflow as tf

TRAIN, META, LOAD = 0, 1, 2  # independent streams of random numbers


def epoch_key(seed: int, stream: int, epoch: tf.Tensor) -> tf.Tensor:
    """Return the random key of an epoch in a stream of random numbers."""
    key = tf.constant([seed, stream], tf.int32)
    return tf.random.experimental.stateless_fold_in(key, epoch)


def epoch_order(
    n: int, count: int, key: tf.Tensor, shuffle: bool = True
) -> tf.Tensor:
    """Return `count` indices of n examples: as many permutations as needed.

    The meta set is small, so that an epoch passes over it several times.

    shuffle: False gives 0, 1, 2, ... again and again.
    """
    noise = tf.random.stateless_uniform([-(-count // n), n], key)
    if not shuffle:
        noise = tf.zeros_like(noise)  # argsort is stable
    return tf.reshape(tf.argsort(noise, axis=1), [-1])[:count]
