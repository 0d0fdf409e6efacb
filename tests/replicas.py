"""Train a few steps on some logical CPUs and save the weights.

    python tests/replicas.py 2 folder gdw mwnet

One replica and two must end with the same numbers. Run as a process of its
own, because devices are fixed when TensorFlow starts.
"""

import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf
from conftest import blob_source, classifier
from test_methods import CASES

from fsr_gdw_tf import Batches


def strategy_of(replicas: int) -> tf.distribute.Strategy:
    """So many logical CPUs; one strategy per process is what works."""
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(
        cpu, [tf.config.LogicalDeviceConfiguration()] * replicas
    )
    # The default collectives break on logical CPUs with a second optimizer.
    return tf.distribute.MirroredStrategy(
        [f"CPU:{i}" for i in range(replicas)],
        cross_device_ops=tf.distribute.ReductionToOneDevice(),
    )


def train(case: str, strategy: tf.distribute.Strategy) -> dict:
    """Two epochs of two global batches; every variable of the state."""
    keras.utils.set_random_seed(0)
    with strategy.scope():
        model = classifier(**CASES[case](), l2=1e-3)
    source, meta = blob_source(n=60), blob_source(n=12, seed=7)
    uses = {"meta": meta} if model.method.uses_meta else {}
    batches = Batches(30, meta_size=10)
    model.fit(source, batches=batches, epochs=2, verbose=0, **uses)
    return {f"{i} {v.name}": np.array(v) for i, v in enumerate(model.state)}


def main(replicas: int, folder: str, *cases: str) -> None:
    """A file per case."""
    strategy = strategy_of(replicas)
    for case in cases:
        np.savez(f"{folder}/{case}.{replicas}.npz", **train(case, strategy))


if __name__ == "__main__":
    main(int(sys.argv[1]), *sys.argv[2:])
