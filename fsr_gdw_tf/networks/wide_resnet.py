"""Wide ResNet: Zagoruyko & Komodakis, https://arxiv.org/abs/1605.07146.

The variant of FSR's code, which comes from AutoAugment's: parameter-free
shortcuts (average pooling, zero-padded channels), and additional skip
connections over each group and over all groups.
"""

import math

import gin
import keras
from keras import layers

from fsr_gdw_tf.errors import InvalidInput
from fsr_gdw_tf.networks import parts
from fsr_gdw_tf.networks.parts import Network


@gin.register
def wide_resnet(
    input_shape: tuple[int, ...], classes: int, depth: int = 28, width: int = 10
) -> Network:
    """Return a WRN-depth-width; the depth is 6 n + 4."""
    if depth < 10 or (depth - 4) % 6:
        raise InvalidInput(
            "the depth of a wide ResNet must be 6 n + 4 (10, 16, 28, ...), got "
            f"{depth}"
        )
    inputs = keras.Input(input_shape)
    # The code of FSR scales CIFAR to -1 .. 1.
    x = first = _conv(layers.Rescaling(1 / 127.5, -1)(inputs), 16)
    for group, channels in enumerate((16 * width, 32 * width, 64 * width)):
        before = x
        for block in range((depth - 4) // 6):
            stride = 2 if group and not block else 1
            x = _block(x, channels, stride, shared=not group and not block)
        x = _skip(before, x)
    x = _skip(first, x)
    x = layers.GlobalAveragePooling2D()(_norm(x))
    bound = 1 / math.sqrt(classes)
    init = keras.initializers.RandomUniform(-bound, bound)
    return parts.features_and_head(inputs, x, classes, init)


def _norm(x):
    """Apply batch normalisation and ReLU."""
    return layers.ReLU()(parts.batch_norm()(x))


def _conv(x, width: int, stride: int = 1):
    init = keras.initializers.RandomNormal(stddev=math.sqrt(2 / (9 * width)))
    return parts.conv(x, width, 3, stride, init)


def _block(x, width: int, stride: int, shared: bool):
    """Apply a pre-activation block: norm, conv, norm, conv, plus the input.

    shared: the shortcut starts after the first normalisation.
    """
    normed = _norm(x)
    y = _conv(_norm(_conv(normed, width, stride)), width)
    shortcut = normed if shared else x
    return layers.Add()(
        [y, parts.identity_shortcut(shortcut, width, stride, pool=True)]
    )


def _skip(before, x):
    """Add an earlier tensor to x, downsampled and padded to its shape."""
    stride = before.shape[1] // x.shape[1]
    pooled = parts.identity_shortcut(before, x.shape[-1], stride, pool=True)
    return layers.Add()([x, pooled])
