"""Keras classifiers as users build them."""

import keras
from keras import layers


def graph(build, shape=(4,), **kwargs) -> keras.Model:
    """Return a functional model of a function of its input."""
    inputs = keras.Input(shape, **kwargs)
    return keras.Model(inputs, build(inputs))


class Subclassed(keras.Model):
    """Two Dense layers and a softmax, without a graph."""

    def __init__(self):
        super().__init__()
        self.first = layers.Dense(5, "tanh")
        self.last = layers.Dense(3, "softmax", name="logits")

    def call(self, x, training=None):
        return self.last(self.first(x))
