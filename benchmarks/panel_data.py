"""Data and networks of panel.py that the package does not offer.

benchmarks/panel.gin imports this module, so that gin knows its functions.
"""

import dataclasses
from collections.abc import Callable

import gin
import keras
import numpy as np
from keras import layers
from scipy.optimize import brentq
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from fsr_gdw_tf.data.source import ArrayReader, Source, arrays
from fsr_gdw_tf.data.splits import Splits, stratified_split
from fsr_gdw_tf.errors import InvalidInput, suggest_names
from fsr_gdw_tf.networks.parts import Network, features_and_head

TABLES = {"breast_cancer": load_breast_cancer, "digits": load_digits}
SIDE = 8  # of the images that the weak model of instance_noise sees


@gin.register
def validation_split(
    load: Callable[[], Splits], share: float = 0.3, seed: int = 0
) -> Splits:
    """Return data whose test set is a share of their training set."""
    train = load().train
    return Splits(*stratified_split(train, round(share * len(train)), seed))


@gin.register
def table(name: str, seed: int = 0) -> Splits:
    """Return a table of scikit-learn, half of its rows as the test set.

    Features are standardised by the training rows.
    """
    if name not in TABLES:
        raise InvalidInput(f"no table {name!r}: {suggest_names(name, TABLES)}")
    data = TABLES[name]()
    source = arrays(data.data, data.target)
    train, test = stratified_split(source, len(source) // 2, seed)
    scaler = StandardScaler().fit(data.data[train.rows])
    reader = ArrayReader(scaler.transform(data.data).astype(np.float32))
    halves = (dataclasses.replace(s, reader=reader) for s in (train, test))
    return Splits(*halves)


@gin.register
def documents(
    examples: int = 2000,
    length: int = 30,
    vocabulary: int = 500,
    classes: int = 5,
    contrast: float = 0.7,
    seed: int = 0,
) -> Splits:
    """Return synthetic documents, and as many others as the test set.

    A document is `length` word numbers, drawn independently with probability
    proportional to exp(contrast * z) / rank, z standard normal of each word and
    class.
    """
    rng = np.random.default_rng(seed)
    logits = contrast * rng.standard_normal((classes, vocabulary))
    p = np.exp(logits) / np.arange(1, vocabulary + 1)
    cdf = np.cumsum(p / p.sum(1, keepdims=True), axis=1)[:, :-1]
    labels = rng.permutation(np.arange(2 * examples) % classes)
    u = rng.random((2 * examples, length))
    words = np.empty(u.shape, np.int32)
    for c in range(classes):
        words[labels == c] = np.searchsorted(cdf[c], u[labels == c])
    source = arrays(words, labels)
    halves = np.split(np.arange(2 * examples), 2)
    return Splits(*(source.subset(half) for half in halves))


@gin.register
def word_network(
    input_shape: tuple[int, ...],
    classes: int,
    vocabulary: int = 500,
    width: int = 32,
) -> Network:
    """Return a network of the mean of word embeddings and a Dense layer."""
    inputs = keras.Input(input_shape)
    x = layers.Embedding(vocabulary, width)(inputs)
    x = layers.GlobalAveragePooling1D()(x)
    x = layers.Dense(64, activation="relu")(x)
    return features_and_head(inputs, x, classes)


@gin.register
def right_labels(
    source: Source,
    corrupt: Callable[..., Source],
    *,
    rng: np.random.Generator,
) -> Source:
    """Return the examples whose labels are right after `corrupt`."""
    source = corrupt(source, rng=rng)
    if source.true_labels is None:
        return source
    return source.subset(np.flatnonzero(source.labels == source.true_labels))


@gin.register
def instance_noise(
    source: Source, rate: float, *, rng: np.random.Generator
) -> Source:
    """Return images with wrong labels where a weak model is in doubt.

    The model is a multinomial logistic regression on small images; those of one
    half are predicted by the model of the other half's true labels. With p of
    the true class and w of the most probable other class, the label becomes
    that other class with probability min(1, k w / (w + p)); k makes the mean of
    this over all images equal to `rate`, so that classes differ in noise.
    """
    if not 0.0 < rate < 1.0:
        raise InvalidInput(f"the noise rate must be in (0, 1), got {rate}")
    labels, n = source.labels, len(source)
    p = cross_predictions(small_pixels(source), labels, rng)
    right = p[np.arange(n), labels]
    p[np.arange(n), labels] = -1.0
    wrong_class, wrong = p.argmax(1), p.max(1)
    doubt = np.maximum(wrong / (wrong + right), 1e-6)
    k = brentq(
        lambda k: flip_chance(k, doubt).mean() - rate, 0, 1 / doubt.min()
    )
    flipped = rng.random(n) < flip_chance(k, doubt)
    return source.with_labels(np.where(flipped, wrong_class, labels), labels)


def flip_chance(k: float, doubt: np.ndarray) -> np.ndarray:
    """Return the probability of a wrong label of each image."""
    return np.minimum(1.0, k * doubt)


def small_pixels(source: Source) -> np.ndarray:
    """Return images as vectors, averaged to SIDE x SIDE pixels of 0 to 1."""
    images = source.load(range(len(source))).astype(np.float32) / 255
    n, height, width, channels = images.shape
    blocks = (n, SIDE, height // SIDE, SIDE, width // SIDE, channels)
    return images.reshape(blocks).mean((2, 4)).reshape(n, -1)


def cross_predictions(
    x: np.ndarray, labels: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Return class probabilities of each half by the other half's model."""
    half = rng.permutation(len(x)) % 2
    p = np.zeros((len(x), labels.max() + 1))
    for h in (0, 1):
        model = LogisticRegression(C=0.1, max_iter=200)
        model.fit(x[half != h], labels[half != h])
        # A class that is absent from the other half keeps probability 0.
        p[np.ix_(half == h, model.classes_)] = model.predict_proba(x[half == h])
    return p
