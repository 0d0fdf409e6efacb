"""Means over an epoch."""

import keras
import tensorflow as tf

from fsr_gdw_tf.recorders.epoch_means import EpochMeans


def test_each_epoch_starts_anew():
    means_by_group = EpochMeans(keras.layers.Layer(), "tally", ("a", "b"))
    means_by_group.add(
        a=(tf.constant([1.0, 3.0]), True), b=(tf.constant([1.0]), False)
    )
    means_by_group.add(
        a=(tf.constant([5.0]), True), b=(tf.constant([1.0]), False)
    )
    assert means_by_group.means() == {"a": 3.0}
    means_by_group.add(
        a=(tf.constant([7.0]), True), b=(tf.constant([2.0]), True)
    )
    assert means_by_group.means() == {"a": 7.0, "b": 2.0}
    assert means_by_group.means() == {}
