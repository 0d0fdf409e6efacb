"""Small data sets and small networks that many tests share."""

import keras
import numpy as np
import tensorflow as tf

from fsr_gdw_tf import Classifier, arrays, networks
from fsr_gdw_tf.method import Forward


def blobs(n=60, classes=3, dim=4, seed=0, spread=0.3):
    """Return separable clouds of points and their classes."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % classes
    centres = np.eye(classes, dim) * 3
    x = centres[y] + spread * rng.normal(size=(n, dim))
    return x.astype(np.float32), y


def blob_source(**kwargs):
    """Return the blobs as a source."""
    return arrays(*blobs(**kwargs))


def classifier(
    method=None,
    dim=4,
    classes=3,
    compiled=None,
    features=None,
    track_labels=False,
    **kwargs,
):
    """Return a compiled classifier with eight hidden units.

    Predictions are not recorded, a third of the work of tracing a step, unless
    a test asks for it.
    """
    parts = networks.mlp((dim,), classes, hidden=(8,))
    parts = parts if features is None else (features, parts[1])
    built = Classifier(*parts, method, track_labels=track_labels, **kwargs)
    built.compile(keras.optimizers.SGD(0.1, momentum=0.9), **(compiled or {}))
    return built


def weights(model) -> list[np.ndarray]:
    """Return copies of the weights of the network."""
    return [v.numpy().copy() for v in model.network_variables]


def mislabelled(n=90, share=0.4):
    """Return blobs with wrong labels, as a source with true labels."""
    source = blob_source(n=n)
    rng = np.random.default_rng(3)
    move = rng.integers(1, 3, n) * (rng.random(n) < share)
    return source.with_labels((source.labels + move) % 3, source.labels)


# NumPy, as importing this must not set up TensorFlow's devices.
TWO = np.log(np.float32([[0.75, 0.25], [0.75, 0.25]]))
CLEAN = {"meta": blobs(n=12, seed=7)}


def labels_of(n, *labels) -> dict:
    """Return a batch with labels and indices only."""
    return {"label": tf.one_hot(labels, n), "index": tf.range(len(labels))}


def at_epoch(model, epoch=0, epochs=10):
    """Set the epoch of a classifier and return it."""
    model.epoch.assign(epoch)
    model.epochs.assign(epochs)
    return model


def forwarded(logits) -> Forward:
    return Forward(None, None, tf.constant(logits))


def trained(method=None, epochs=3, **kwargs) -> list[np.ndarray]:
    """Return the weights after a few epochs from seed 0."""
    keras.utils.set_random_seed(0)
    model = classifier(method)
    model.fit(*blobs(), epochs=epochs, batch_size=20, verbose=0, **kwargs)
    return weights(model)


def recorder(model, kind):
    """Return the classifier's recorder of a kind."""
    return next(r for r in model.recorders if isinstance(r, kind))


class Predicts:
    """A classifier that only predicts."""

    classes = 3

    def predict_probs(self, *args, **kwargs):
        return np.array([[0.8, 0.2, 0.0], [0.6, 0.2, 0.2], [0.1, 0.9, 0.0]])
