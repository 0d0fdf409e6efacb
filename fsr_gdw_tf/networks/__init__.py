"""Networks as (features, head): what is shared, and the last Dense layer.

Each takes raw bytes (or floats of the same scale) and does its own scaling,
so that the saved network needs no preprocessing. Only stock Keras parts are
used: the saved network loads without this package.
"""

from fsr_gdw_tf.networks.cifar_resnet import cifar_resnet, resnet32
from fsr_gdw_tf.networks.imagenet import resnet18, resnet50
from fsr_gdw_tf.networks.small import mlp, small_cnn, tiny_cnn
from fsr_gdw_tf.networks.split import split
from fsr_gdw_tf.networks.wide_resnet import wide_resnet

__all__ = [
    "cifar_resnet",
    "mlp",
    "resnet18",
    "resnet32",
    "resnet50",
    "small_cnn",
    "split",
    "tiny_cnn",
    "wide_resnet",
]
