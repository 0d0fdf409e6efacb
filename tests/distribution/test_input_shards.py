"""Batches split over replicas."""

import numpy as np
import tensorflow as tf

from fsr_gdw_tf.distribution.input_shards import InputShard, split_batches


def test_batches_of_users_are_cut_evenly_for_replicas():
    """7 = 3 + 3 and 1 left out; a last batch of 1 has nothing for two."""
    x = np.arange(15, dtype=np.float32)
    dataset = tf.data.Dataset.from_tensor_slices({"inputs": x}).batch(7)
    parts = [
        b["inputs"].numpy().tolist()
        for b in split_batches(dataset, InputShard(2, 0, 2))
    ]
    assert parts == [[0, 1, 2], [3, 4, 5], [7, 8, 9], [10, 11, 12]]
    second = [
        b["inputs"].numpy().tolist()
        for b in split_batches(dataset, InputShard(2, 1))
    ]
    assert second == parts[1::2]
