"""Networks as pairs (features, head): the body, and the last Dense layer.

Inputs are pixels from 0 to 255; each network scales them itself, so that a
saved network needs no preprocessing. All layers are stock Keras layers, so that
it loads without this package.
"""

from fsr_gdw_tf.networks.by_name import image_network
from fsr_gdw_tf.networks.cifar_resnet import cifar_resnet, resnet32
from fsr_gdw_tf.networks.imagenet import resnet18, resnet50
from fsr_gdw_tf.networks.small import mlp, photo_cnn, small_cnn, tiny_cnn
from fsr_gdw_tf.networks.split import split
from fsr_gdw_tf.networks.wide_resnet import wide_resnet

__all__ = [
    "cifar_resnet",
    "image_network",
    "mlp",
    "photo_cnn",
    "resnet18",
    "resnet32",
    "resnet50",
    "small_cnn",
    "split",
    "tiny_cnn",
    "wide_resnet",
]
