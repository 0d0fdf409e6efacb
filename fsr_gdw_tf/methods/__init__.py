"""What is learned: one file per method, and one list of all of them."""

from fsr_gdw_tf.methods.base import Method, Regulariser
from fsr_gdw_tf.methods.finetune import FineTune
from fsr_gdw_tf.methods.fsr import FSR
from fsr_gdw_tf.methods.gdw import GDW
from fsr_gdw_tf.methods.insw import INSW
from fsr_gdw_tf.methods.l2rw import L2RW
from fsr_gdw_tf.methods.meta import MetaMethod
from fsr_gdw_tf.methods.mixup import MixUp
from fsr_gdw_tf.methods.mwnet import MWNet
from fsr_gdw_tf.methods.relabel import Relabel
from fsr_gdw_tf.methods.supervised import Supervised

METHODS = [Supervised, FineTune, L2RW, INSW, MWNet, GDW, FSR]
REGULARISERS = [MixUp, Relabel]

__all__ = [
    "FSR",
    "GDW",
    "INSW",
    "L2RW",
    "METHODS",
    "REGULARISERS",
    "FineTune",
    "MWNet",
    "MetaMethod",
    "Method",
    "MixUp",
    "Regulariser",
    "Relabel",
    "Supervised",
]
