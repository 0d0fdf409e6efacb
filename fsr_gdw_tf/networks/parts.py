"""What several networks are made of."""

import keras
from keras import layers

# CIFAR's channel means and deviations, of bytes, as in the code of GDW.
CIFAR_MEAN = (125.3, 123.0, 113.9)
CIFAR_STD = (63.0, 62.1, 66.7)


def features_and_head(inputs, x, classes: int, init="glorot_uniform"):
    """The two parts every network here consists of."""
    # Half precision is for features: logits, losses and weights need more.
    dtype = keras.config.dtype_policy().variable_dtype
    head = layers.Dense(
        classes, kernel_initializer=init, name="head", dtype=dtype
    )
    head.build(x.shape)
    return keras.Model(inputs, x, name="features"), head


def batch_norm(momentum: float = 0.9):
    """Batch normalisation with the constants of both papers' code."""
    return layers.BatchNormalization(momentum=momentum, epsilon=1e-5)


def cifar_scaling(x):
    """Bytes to channels of mean 0 and deviation 1 (grey images: to 0..1)."""
    if x.shape[-1] != len(CIFAR_MEAN):
        return layers.Rescaling(1 / 255)(x)
    offset = [-m / s for m, s in zip(CIFAR_MEAN, CIFAR_STD, strict=True)]
    return layers.Rescaling([1 / s for s in CIFAR_STD], offset)(x)


def conv(x, width: int, size: int, stride: int = 1, init="he_normal"):
    """A convolution without bias, padded alike on both sides.

    TensorFlow's "same" padding is lopsided at stride 2; PyTorch's, which both
    papers' numbers rest on, is not.
    """
    if size > 1:
        x = layers.ZeroPadding2D(size // 2)(x)
    return layers.Conv2D(
        width, size, stride, use_bias=False, kernel_initializer=init
    )(x)


def identity_shortcut(x, width: int, stride: int, pool: bool = False):
    """A shortcut without weights: thin out, pad channels with zeros.

    `pool` averages the pixels that are dropped; otherwise they are skipped.
    """
    extra = width - x.shape[-1]
    if stride > 1:
        x = layers.AveragePooling2D(stride if pool else 1, stride)(x)
    if extra:
        sides = (extra // 2, extra - extra // 2)
        x = keras.ops.pad(x, [(0, 0), (0, 0), (0, 0), sides])
    return x
