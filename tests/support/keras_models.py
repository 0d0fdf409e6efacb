"""Keras classifiers as users build them, with data for each."""

import dataclasses
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import layers

N, CLASSES = 12, 3
LABELS = np.arange(N) % CLASSES
WORDS = np.array([f"word{i} {'abc'[i % 3]}" for i in range(N)])


def graph(build, shape=(4,), **kwargs) -> keras.Model:
    """Return a functional model of a function of its input."""
    inputs = keras.Input(shape, **kwargs)
    return keras.Model(inputs, build(inputs))


class Subclassed(keras.Model):
    """Two Dense layers and a softmax, without a graph."""

    def __init__(self):
        super().__init__()
        self.first = layers.Dense(5, "tanh", kernel_regularizer="l2")
        self.last = layers.Dense(3, "softmax", name="logits")

    def call(self, x, training=None):
        return self.last(self.first(x))


def called(model, *inputs):
    """Return a model after its first call, which makes its weights."""
    model(*inputs)
    return model


def numbers(*shape, seed=0) -> np.ndarray:
    """Return an input of numbers that the labels can be told from."""
    noise = np.random.default_rng(seed).normal(size=(N, *shape))
    return (noise + LABELS.reshape(-1, *[1] * len(shape))).astype("float32")


@dataclasses.dataclass(frozen=True)
class Case:
    """A model, its inputs, and how its outputs are compared.

    wrap: arguments of `Classifier.wrap`.
    tolerance: of weights after three steps, compared with Keras' own.
    """

    build: Callable[[], keras.Model]
    x: Any
    wrap: dict = dataclasses.field(default_factory=dict)
    binary: bool = False
    logits: bool = False
    tolerance: float = 1e-6

    @property
    def y(self) -> np.ndarray:
        """The labels."""
        return LABELS % 2 if self.binary else LABELS

    @property
    def loss(self) -> keras.losses.Loss:
        """What Keras trains the model with."""
        if self.binary:
            return keras.losses.BinaryCrossentropy(from_logits=self.logits)
        return keras.losses.SparseCategoricalCrossentropy(
            from_logits=self.logits
        )


def dense(x):
    return layers.Dense(3, "softmax")(layers.Dense(5, "tanh")(x))


def pooled_convolution(x):
    x = layers.Conv2D(3, 1, activation="relu")(layers.Conv2D(4, 2)(x))
    return layers.Softmax()(layers.GlobalAveragePooling2D()(x))


def flat_convolution(x):
    return layers.Flatten()(layers.Conv2D(3, 3, activation="softmax")(x))


def nested_twice(x):
    inner = keras.Sequential([keras.Input((5,)), layers.Dense(3)])
    outer = keras.Sequential([keras.Input((4,)), layers.Dense(5), inner])
    return layers.Activation("softmax")(outer(x))


def shared_layers(x):
    body, head = layers.Dense(5, "relu"), layers.Dense(3)
    other = keras.Input((4,))
    keras.Model(other, head(body(other)))
    return keras.ops.softmax(head(body(x)))


def with_frozen(index) -> keras.Model:
    model = graph(dense)
    model.layers[index].trainable = False
    return model


def half(policy) -> keras.Model:
    """Return a model of half precision, as users build it."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        return graph(
            lambda x: layers.Activation("softmax", dtype="float32")(
                layers.Dense(3)(layers.Dense(5, "tanh")(x))
            )
        )
    finally:
        keras.config.set_dtype_policy(before)


def pair(structure: Callable) -> keras.Model:
    """Return a model of two inputs: numbers, and a class that is embedded."""
    a = keras.Input((4,), name="a")
    b = keras.Input((), dtype="int32", name="b")
    x = layers.Concatenate()([a, layers.Embedding(7, 2)(b)])
    return keras.Model(structure(a, b), dense(x))


def words() -> keras.Model:
    vocabulary = ["a", "b", "c"]
    text = keras.Input((), dtype="string")
    x = layers.TextVectorization(
        vocabulary=vocabulary, output_sequence_length=2
    )(text)
    x = layers.GlobalAveragePooling1D()(layers.Embedding(5, 4)(x))
    return keras.Model(text, layers.Dense(3, "softmax")(x))


TABLE = {"age": numbers(seed=1), "kind": WORDS, "size": LABELS.astype("int64")}


def feature_space() -> keras.Model:
    import tensorflow as tf

    kinds = keras.utils.FeatureSpace
    space = kinds(
        features={
            "age": kinds.float_normalized(),
            "kind": kinds.string_categorical(num_oov_indices=1),
            "size": kinds.integer_categorical(num_oov_indices=0),
        },
        output_mode="concat",
    )
    space.adapt(tf.data.Dataset.from_tensor_slices(TABLE))
    return keras.Model(space.get_inputs(), dense(space.get_encoded_features()))


SEVERAL = numbers(4), (LABELS + 2).astype("int32")
# Every row passes every test of `contract/test_keras_models.py`.
CASES = {
    "softmax": Case(lambda: graph(dense), numbers(4)),
    "logits": Case(lambda: graph(layers.Dense(3)), numbers(4), logits=True),
    "pooled convolution": Case(
        lambda: graph(pooled_convolution, (4, 4, 2)), numbers(4, 4, 2)
    ),
    "flat convolution": Case(
        lambda: graph(flat_convolution, (3, 3, 2)), numbers(3, 3, 2)
    ),
    "nested": Case(lambda: graph(nested_twice), numbers(4)),
    "shared": Case(lambda: graph(shared_layers), numbers(4)),
    "frozen body": Case(lambda: with_frozen(1), numbers(4)),
    "frozen head": Case(lambda: with_frozen(2), numbers(4)),
    "one sigmoid": Case(
        lambda: graph(layers.Dense(1, "sigmoid")), numbers(4), binary=True
    ),
    "one logit": Case(
        lambda: graph(layers.Dense(1)), numbers(4), binary=True, logits=True
    ),
    "float16": Case(lambda: half("mixed_float16"), numbers(4), tolerance=2e-2),
    "bfloat16": Case(lambda: half("mixed_bfloat16"), numbers(4), tolerance=0.1),
    "list": Case(lambda: pair(lambda *x: list(x)), list(SEVERAL)),
    "dict": Case(
        lambda: pair(lambda a, b: {"b": b, "a": a}),
        dict(zip("ab", SEVERAL, strict=True)),
    ),
    "nested dict": Case(
        lambda: pair(lambda a, b: {"in": {"a": a}, "rest": (b,)}),
        {"in": {"a": SEVERAL[0]}, "rest": (SEVERAL[1],)},
    ),
    "strings": Case(words, WORDS),
    "feature space": Case(feature_space, TABLE),
    "subclassed": Case(
        lambda: called(Subclassed(), numbers(4)),
        numbers(4),
        wrap={"head": "logits"},
    ),
}


def other_examples(x):
    """Return inputs like x that differ from it."""
    if isinstance(x, dict):
        return {name: other_examples(part) for name, part in x.items()}
    if isinstance(x, (list, tuple)):
        return tuple(other_examples(part) for part in x)
    if x.dtype.kind == "f":
        return x + 0.1
    return np.char.add(x, " too") if x.dtype.kind == "U" else x
