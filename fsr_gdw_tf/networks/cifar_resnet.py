"""ResNets for CIFAR: He et al., https://arxiv.org/abs/1512.03385, section 4.2.

As in the code of GDW: parameter-free shortcuts (option A); the kernels of
convolutions and head start from an untruncated normal of variance 2 / fan-in.
"""

import math

import gin
import keras
from keras import layers

from fsr_gdw_tf.errors import InvalidInput
from fsr_gdw_tf.networks import parts
from fsr_gdw_tf.networks.parts import Network


@gin.register
def cifar_resnet(
    input_shape: tuple[int, ...], classes: int, depth: int = 32
) -> Network:
    """Return a ResNet of depth 6 n + 2, with 16, 32 and 64 channels."""
    if depth < 8 or (depth - 2) % 6:
        raise InvalidInput(
            "the depth of a CIFAR ResNet must be 6 n + 2 (8, 14, 20, ...), got "
            f"{depth}"
        )
    inputs = keras.Input(input_shape)
    x = parts.cifar_scaling(inputs)
    x = layers.ReLU()(parts.batch_norm()(_conv(x, 16)))
    for stage, width in enumerate((16, 32, 64)):
        for block in range((depth - 2) // 6):
            x = _block(x, width, 2 if stage and not block else 1)
    x = layers.GlobalAveragePooling2D()(x)
    return parts.features_and_head(inputs, x, classes, _he_normal(x.shape[-1]))


@gin.register
def resnet32(input_shape: tuple[int, ...], classes: int) -> Network:
    """Return the network of GDW's tables: 464,154 parameters at 10 classes."""
    return cifar_resnet(input_shape, classes, depth=32)


def _he_normal(fan_in: int) -> keras.initializers.Initializer:
    # Keras' own HeNormal draws from a truncated normal.
    return keras.initializers.RandomNormal(stddev=math.sqrt(2 / fan_in))


def _conv(x, width: int, stride: int = 1):
    return parts.conv(x, width, 3, stride, _he_normal(9 * x.shape[-1]))


def _block(x, width: int, stride: int):
    """Apply a residual block: two convolutions, plus the shortcut."""
    y = layers.ReLU()(parts.batch_norm()(_conv(x, width, stride)))
    y = parts.batch_norm()(_conv(y, width))
    return layers.ReLU()(
        layers.Add()([y, parts.identity_shortcut(x, width, stride)])
    )
