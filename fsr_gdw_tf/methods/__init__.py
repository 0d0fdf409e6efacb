"""What is learned: one file per method, and one list of all of them."""

from fsr_gdw_tf.methods.base import Method, Regulariser
from fsr_gdw_tf.methods.mixup import MixUp
from fsr_gdw_tf.methods.supervised import Supervised

METHODS = [Supervised]
REGULARISERS = [MixUp]

__all__ = [
    "METHODS",
    "REGULARISERS",
    "Method",
    "MixUp",
    "Regulariser",
    "Supervised",
]
