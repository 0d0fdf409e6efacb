"""Networks for small images and for tabular data."""

from collections.abc import Sequence

import gin
import keras
from keras import layers

from fsr_gdw_tf.networks.parts import Network, batch_norm, features_and_head


@gin.register
def small_cnn(
    input_shape: tuple[int, ...],
    classes: int,
    widths: Sequence[int] = (32, 64, 128),
) -> Network:
    """Return a CNN of 3 x 3 convolutions, with pooling before the last."""
    inputs = keras.Input(input_shape)
    x = layers.Rescaling(1 / 255)(inputs)
    for i, width in enumerate(widths):
        x = layers.Conv2D(width, 3, padding="same", use_bias=False)(x)
        x = layers.ReLU()(batch_norm()(x))
        if i == len(widths) - 2:
            x = layers.MaxPooling2D()(x)
    x = layers.GlobalAveragePooling2D()(x)
    return features_and_head(inputs, x, classes)


@gin.register
def tiny_cnn(
    input_shape: tuple[int, ...], classes: int, normalise_dense: bool = False
) -> Network:
    """Return a CNN of three convolutions and a Dense layer of 256 units.

    The convolutions are batch-normalised; `normalise_dense`: the Dense layer
    as well, so that it learns with the larger rates of the papers.
    """
    inputs = keras.Input(input_shape)
    x = layers.Rescaling(1 / 127.5, -1)(inputs)
    for width in (16, 32, 64):
        x = layers.Conv2D(width, 3, padding="same", use_bias=False)(x)
        x = layers.MaxPooling2D()(layers.ReLU()(batch_norm()(x)))
    x = layers.Dense(256, use_bias=not normalise_dense)(layers.Flatten()(x))
    x = layers.ReLU()(batch_norm()(x) if normalise_dense else x)
    return features_and_head(inputs, x, classes)


@gin.register
def mlp(
    input_shape: tuple[int, ...],
    classes: int,
    hidden: Sequence[int] = (128, 64),
    scale: float = 1.0,
) -> Network:
    """Return a multilayer perceptron; `scale` multiplies the inputs first."""
    inputs = keras.Input(input_shape)
    x = layers.Flatten()(layers.Rescaling(scale)(inputs))
    for width in hidden:
        x = layers.Dense(width, activation="relu")(x)
    return features_and_head(inputs, x, classes)


@gin.register
def photo_cnn(
    input_shape: tuple[int, ...],
    classes: int,
    widths: Sequence[int] = (32, 64, 128, 256),
) -> Network:
    """Return a CNN with pooling after each convolution, for a few photos."""
    inputs = keras.Input(input_shape)
    x = layers.Rescaling(1 / 127.5, -1)(inputs)
    for width in widths:
        x = layers.Conv2D(width, 3, padding="same", use_bias=False)(x)
        x = layers.MaxPooling2D(padding="same")(layers.ReLU()(batch_norm()(x)))
    x = layers.GlobalAveragePooling2D()(x)
    return features_and_head(inputs, x, classes)
