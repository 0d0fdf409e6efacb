"""Networks for photographs: ResNet-18 and Keras' ResNet50V2."""

from pathlib import Path

import gin
import keras
from keras import layers

from fsr_gdw_tf.errors import InvalidInput, first_line
from fsr_gdw_tf.networks import parts
from fsr_gdw_tf.networks.parts import Network

# Mean and standard deviation of ImageNet's channels, pixels from 0 to 255.
MEAN, STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)


@gin.register
def resnet18(
    input_shape: tuple[int, ...], classes: int, weights: str | None = None
) -> Network:
    """Return the ResNet-18 of He et al., https://arxiv.org/abs/1512.03385.

    weights: path of a `.weights.h5` file of this network's features.
    """
    inputs = keras.Input(input_shape)
    x = standardise(inputs)
    x = layers.ReLU()(parts.batch_norm()(parts.conv(x, 64, 7, 2)))
    x = layers.MaxPooling2D(3, 2)(layers.ZeroPadding2D(1)(x))
    for stage, width in enumerate((64, 128, 256, 512)):
        for block in range(2):
            x = _block(x, width, 2 if stage and not block else 1)
    x = layers.GlobalAveragePooling2D()(x)
    features, head = parts.features_and_head(inputs, x, classes)
    return load_weights(features, weights), head


def standardise(x: keras.KerasTensor) -> keras.KerasTensor:
    """Return pixels of 0 to 255 by the mean and deviation of ImageNet's."""
    offset = [-m / s for m, s in zip(MEAN, STD, strict=True)]
    return layers.Rescaling([1 / s for s in STD], offset)(x)


def _block(x, width: int, stride: int):
    """Apply a residual block whose shortcut is a convolution where needed."""
    y = layers.ReLU()(parts.batch_norm()(parts.conv(x, width, 3, stride)))
    y = parts.batch_norm()(parts.conv(y, width, 3))
    if stride > 1 or x.shape[-1] != width:
        x = parts.batch_norm()(parts.conv(x, width, 1, stride))
    return layers.ReLU()(layers.Add()([y, x]))


@gin.register
def resnet50(
    input_shape: tuple[int, ...], classes: int, weights: str | None = None
) -> Network:
    """Return Keras' ResNet50V2, which FSR uses on WebVision.

    weights: path of a `.weights.h5` file, saved from
        `keras.applications.ResNet50V2(include_top=False)`.
    """
    inputs = keras.Input(input_shape)
    body = keras.applications.ResNet50V2(
        include_top=False, weights=None, input_shape=input_shape
    )
    body = load_weights(body, weights)
    x = body(layers.Rescaling(1 / 127.5, -1)(inputs))
    x = layers.GlobalAveragePooling2D()(x)
    return parts.features_and_head(inputs, x, classes)


def load_weights(network: keras.Model, path: str | None) -> keras.Model:
    """Return the network with weights of a local file, if one is given."""
    if path is None:
        return network
    if not Path(path).is_file():
        raise InvalidInput(
            f"no such weights file: {path!r}; expected a local .weights.h5 "
            "(nothing is downloaded)"
        )
    try:
        network.load_weights(path)
    except Exception as error:  # h5py and zipfile have errors of their own
        reason = first_line(error)
        raise InvalidInput(
            f"{path} does not fit the network, use weights of the same "
            f"architecture: {reason}"
        ) from error
    return network
