"""Layers and blocks that several networks share."""

import keras
from keras import layers

# Mean and standard deviation of CIFAR-10's channels, pixels from 0 to 255, as
# in the code of GDW.
CIFAR_MEAN = (125.3, 123.0, 113.9)
CIFAR_STD = (63.0, 62.1, 66.7)

Network = tuple[keras.Model, keras.layers.Dense]  # (features, head)


def features_and_head(
    inputs: keras.KerasTensor,
    x: keras.KerasTensor,
    classes: int,
    init: str | keras.initializers.Initializer = "glorot_uniform",
) -> Network:
    """Return the model from inputs to features x, and a built Dense head."""
    # Under mixed precision logits stay float32: losses and weights need it.
    dtype = keras.config.dtype_policy().variable_dtype
    head = layers.Dense(
        classes, kernel_initializer=init, name="head", dtype=dtype
    )
    head.build(x.shape)
    return keras.Model(inputs, x, name="features"), head


def batch_norm(momentum: float = 0.9) -> layers.BatchNormalization:
    """Return batch normalisation with the constants of both papers' code."""
    return layers.BatchNormalization(momentum=momentum, epsilon=1e-5)


def cifar_scaling(x: keras.KerasTensor) -> keras.KerasTensor:
    """Standardise the channels of colour images; scale grey images to 0..1."""
    if x.shape[-1] != len(CIFAR_MEAN):
        return layers.Rescaling(1 / 255)(x)
    offset = [-m / s for m, s in zip(CIFAR_MEAN, CIFAR_STD, strict=True)]
    return layers.Rescaling([1 / s for s in CIFAR_STD], offset)(x)


def conv(
    x: keras.KerasTensor,
    width: int,
    size: int,
    stride: int = 1,
    init: str | keras.initializers.Initializer = "he_normal",
) -> keras.KerasTensor:
    """Apply a convolution without bias, zero-padded equally on both sides.

    Keras' "same" padding is asymmetric at stride 2, unlike PyTorch's.
    """
    if size > 1:
        x = layers.ZeroPadding2D(size // 2)(x)
    return layers.Conv2D(
        width, size, stride, use_bias=False, kernel_initializer=init
    )(x)


def identity_shortcut(
    x: keras.KerasTensor, width: int, stride: int, pool: bool = False
) -> keras.KerasTensor:
    """Apply a parameter-free shortcut: downsample, pad channels with zeros.

    pool: downsample by average pooling instead of subsampling.
    """
    extra = width - x.shape[-1]
    if stride > 1:
        x = layers.AveragePooling2D(stride if pool else 1, stride)(x)
    if extra:
        sides = (extra // 2, extra - extra // 2)
        x = keras.ops.pad(x, [(0, 0), (0, 0), (0, 0), sides])
    return x
