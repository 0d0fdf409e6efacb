"""What is learned: one file per method, and one list of all of them."""

from fsr_gdw_tf.methods.base import Method, Regulariser
from fsr_gdw_tf.methods.class_balanced import ClassBalanced
from fsr_gdw_tf.methods.elr import ELR
from fsr_gdw_tf.methods.finetune import FineTune
from fsr_gdw_tf.methods.focal import Focal
from fsr_gdw_tf.methods.forward_correction import ForwardCorrection
from fsr_gdw_tf.methods.fsr import FSR
from fsr_gdw_tf.methods.gce import GCE
from fsr_gdw_tf.methods.gdw import GDW
from fsr_gdw_tf.methods.glc import GLC
from fsr_gdw_tf.methods.insw import INSW
from fsr_gdw_tf.methods.l2rw import L2RW
from fsr_gdw_tf.methods.meta import MetaMethod
from fsr_gdw_tf.methods.mixup import MixUp
from fsr_gdw_tf.methods.mwnet import MWNet
from fsr_gdw_tf.methods.relabel import Relabel
from fsr_gdw_tf.methods.supervised import Supervised

METHODS = [
    Supervised,
    Focal,
    ClassBalanced,
    GCE,
    ForwardCorrection,
    GLC,
    FineTune,
    L2RW,
    INSW,
    MWNet,
    GDW,
    FSR,
]
REGULARISERS = [MixUp, Relabel, ELR]

__all__ = [
    "ELR",
    "FSR",
    "GCE",
    "GDW",
    "GLC",
    "INSW",
    "L2RW",
    "METHODS",
    "REGULARISERS",
    "ClassBalanced",
    "FineTune",
    "Focal",
    "ForwardCorrection",
    "MWNet",
    "MetaMethod",
    "Method",
    "MixUp",
    "Regulariser",
    "Relabel",
    "Supervised",
]
