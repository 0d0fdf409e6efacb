"""Train a few steps on some replicas and save all that came of it.

    python tests/contract/replicas.py 2 folder gdw mwnet  # two logical CPUs
    TF_CONFIG=... python tests/contract/replicas.py 0 folder gdw  # a host

One replica and several must end with the same numbers. Several need a process
of their own, because devices are fixed when TensorFlow starts.
"""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf
from support.method_cases import CASES, TRACKED
from support.models import blob_source, blobs, classifier
from support.precision import compute_in

from fsr_gdw_tf import GDW, InputPipeline
from fsr_gdw_tf.distribution.devices import make_strategy
from fsr_gdw_tf.distribution.hosts import host
from fsr_gdw_tf.networks.split import synchronize_batch_norms


def normalised(sync: bool) -> dict:
    """GDW on a network with batch normalisation."""
    inputs = keras.Input((4,))
    x = keras.layers.Dense(8, activation="relu")(inputs)
    x = keras.layers.BatchNormalization(momentum=0.9)(x)
    features = keras.Model(inputs, x)
    if sync:
        synchronize_batch_norms(features)
    return {"method": GDW(), "features": features}


def a_users_dataset() -> tf.data.Dataset:
    """Five batches of 12, and one of 2, which two replicas can still share."""
    x, y = blobs(n=62)
    label = tf.one_hot(y, 3)
    meta_x, meta_y = (np.stack([v[:4]] * 6) for v in (x, label))
    train = tf.data.Dataset.from_tensor_slices((x, label)).batch(12)
    meta = tf.data.Dataset.from_tensor_slices((meta_x, meta_y))
    names = "inputs", "label", "meta_inputs", "meta_label"
    return tf.data.Dataset.zip(train, meta).map(
        lambda one, two: dict(zip(names, (*one, *two), strict=True))
    )


CASES = CASES | {
    "dataset": lambda: {"method": GDW()},
    "bn": lambda: normalised(sync=False),
    "bn_sync": lambda: normalised(sync=True),
}

# Validation, tests and predictions do not depend on the method.
TESTED = ("gdw", "bn")
# Normalisation magnifies rounding in each step: in float32, on some processors,
# to more than what a wrong synchronisation is told from.
DOUBLE = ("bn", "bn_sync")


def strategy_of(replicas: int):
    """So many logical CPUs, or the hosts of TF_CONFIG."""
    if not replicas:
        return make_strategy("multi_worker")
    return make_strategy("mirrored", replicas, kind="CPU")


def train(case: str, strategy) -> dict:
    """Two epochs of two global batches; state, metrics, predictions."""
    keras.utils.clear_session()  # the same names in every process
    keras.utils.set_random_seed(0)
    precision = "float64" if case in DOUBLE else "float32"
    with compute_in(precision):
        return train_in(strategy, case)


def train_in(strategy, case: str) -> dict:
    """The same in the precision that is set."""
    with strategy.scope():
        # Three steps in one call do not divide the five of an epoch.
        several = {"steps_per_execution": 3}
        model = classifier(
            **CASES[case](),
            l2=1e-3,
            compiled=several,
            track_labels=case in TRACKED,
        )
    source, meta = blob_source(n=60), blob_source(n=12, seed=7)
    uses = {"meta": meta} if model.method.uses_meta else {}
    if case == "dataset":
        source, uses = a_users_dataset(), {}
    else:
        uses["pipeline"] = InputPipeline(12, meta_batch_size=4)
    held, labels = blobs(n=13, seed=3)  # no number of replicas divides 13
    if case in TESTED:
        uses["validation_data"] = (held, labels)
    history = model.fit(source, epochs=2, verbose=0, **uses).history
    found = {f"{i} {v.name}": np.array(v) for i, v in enumerate(model.state)}
    if case == "dataset":  # only one replica can tell how long it is
        del found["3 steps"]
    for v in model.batch_norm_stats:
        copies = strategy.experimental_local_results(v.value)
        found[f"copies of {v.name}"] = np.array([np.array(c) for c in copies])
    found |= {name: np.array(v) for name, v in history.items()}
    if case not in TESTED:
        return found
    found["predicted"] = model.predict(held, batch_size=4, verbose=0)
    tested = model.evaluate(held, labels, verbose=0, return_dict=True)
    return found | {f"tested {name}": v for name, v in tested.items()}


def main(replicas: int, folder: str, *cases: str) -> None:
    """A file per case, and per host."""
    strategy = strategy_of(replicas)
    name = replicas or f"host{host().index}"
    for case in cases:
        file = f"{folder}/{case}.{name}.npz"
        np.savez(f"{file}.part.npz", **train(case, strategy))
        os.rename(f"{file}.part.npz", file)  # it may be waited for


if __name__ == "__main__":
    main(int(sys.argv[1]), *sys.argv[2:])
