"""Remix."""

import numpy as np
import pytest
import tensorflow as tf

from fsr_gdw_tf.regularisers import Remix


@pytest.mark.parametrize(
    ("tau", "expected"),
    # The first is of the small class, the second of the large one.
    [(0.5, [1.0, 0.6]), (0.7, [1.0, 0.0])],
)
def test_remix_gives_the_label_to_the_far_smaller_class(tau, expected):
    part = Remix(kappa=3.0, tau=tau)
    part.counts = np.array([10, 100])
    share = part.label_share(
        tf.eye(2), tf.constant([1, 0]), tf.constant([0.6, 0.6])
    )
    np.testing.assert_allclose(share, expected, rtol=1e-6)


def test_remix_of_even_classes_is_mixup():
    part = Remix(kappa=3.0)
    part.counts = np.array([100, 40])
    share = tf.constant([0.6, 0.9])
    found = part.label_share(tf.eye(2), tf.constant([1, 0]), share)
    np.testing.assert_array_equal(found, share)
