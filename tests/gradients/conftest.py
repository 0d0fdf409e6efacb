"""Fixtures of the gradient tests."""

import numpy as np
import pytest
import tensorflow as tf
from support.gradients import DIM, C, M, N


@pytest.fixture
def batch():
    rng = np.random.default_rng(0)
    return {
        "inputs": tf.constant(rng.normal(size=(N, DIM))),
        "label": tf.one_hot(np.arange(N) % C, C, dtype=tf.float64),
        "index": tf.range(N, dtype=tf.int64),
        "meta_inputs": tf.constant(rng.normal(size=(M, DIM))),
        "meta_label": tf.one_hot(np.arange(M) % C, C, dtype=tf.float64),
    }
