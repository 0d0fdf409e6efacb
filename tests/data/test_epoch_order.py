"""The order of an epoch."""

import numpy as np

from fsr_gdw_tf.data.epoch_order import META, TRAIN, epoch_key, epoch_order


def test_an_epoch_is_made_of_permutations():
    order = epoch_order(5, 12, epoch_key(3, TRAIN, 0)).numpy()
    assert sorted(order[:5]) == sorted(order[5:10]) == list(range(5))
    assert len(order) == 12 and len(set(order[10:])) == 2
    assert list(order[:5]) != list(order[5:10])


def test_seed_stream_and_epoch_each_change_the_order():
    keys = [(3, TRAIN, 0), (4, TRAIN, 0), (3, META, 0), (3, TRAIN, 1)]
    orders = {tuple(epoch_order(50, 50, epoch_key(*k)).numpy()) for k in keys}
    assert len(orders) == 4
    again = epoch_order(50, 50, epoch_key(3, TRAIN, 0)).numpy()
    assert tuple(again) in orders


def test_without_shuffling_examples_come_by_number():
    key = epoch_key(0, TRAIN, 1)
    order = epoch_order(3, 7, key, shuffle=False)
    np.testing.assert_array_equal(order, [0, 1, 2, 0, 1, 2, 0])
