"""Train a few steps on some logical CPUs and save the weights.

    python tests/replicas.py gdw 2 out.npz

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


def main(case: str, replicas: int, out: str) -> None:
    """Two epochs of two global batches."""
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(
        cpu, [tf.config.LogicalDeviceConfiguration()] * replicas
    )
    # The default collectives break on logical CPUs with a second optimizer.
    strategy = tf.distribute.MirroredStrategy(
        [f"CPU:{i}" for i in range(replicas)],
        cross_device_ops=tf.distribute.ReductionToOneDevice(),
    )
    batches = Batches(30, meta_size=10)
    with strategy.scope():
        keras.utils.set_random_seed(0)
        model = classifier(**CASES[case](), l2=1e-3)
    source, meta = blob_source(n=60), blob_source(n=12, seed=7)
    uses = {"meta": meta} if model.method.uses_meta else {}
    model.fit(source, batches=batches, epochs=2, verbose=0, **uses)
    state = {f"{i} {v.name}": np.array(v) for i, v in enumerate(model.state)}
    np.savez(out, **state)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
