"""Training methods, one file each, and the only list of them."""

from fsr_gdw_tf.methods.class_balanced import ClassBalanced
from fsr_gdw_tf.methods.coteaching import CoTeaching
from fsr_gdw_tf.methods.crust import CRUST
from fsr_gdw_tf.methods.d2l import D2L
from fsr_gdw_tf.methods.finetune import FineTune
from fsr_gdw_tf.methods.focal import Focal
from fsr_gdw_tf.methods.forward_correction import ForwardCorrection
from fsr_gdw_tf.methods.fsr import FSR
from fsr_gdw_tf.methods.gce import GCE
from fsr_gdw_tf.methods.gdw import GDW
from fsr_gdw_tf.methods.gen_label import GenLabel
from fsr_gdw_tf.methods.glc import GLC
from fsr_gdw_tf.methods.insw import INSW
from fsr_gdw_tf.methods.l2rw import L2RW
from fsr_gdw_tf.methods.mentornet import MentorNet
from fsr_gdw_tf.methods.mwnet import MWNet
from fsr_gdw_tf.methods.pencil import PENCIL
from fsr_gdw_tf.methods.soft_label import SoftLabel
from fsr_gdw_tf.methods.supervised import Supervised

METHODS = [
    Supervised,
    Focal,
    ClassBalanced,
    GCE,
    ForwardCorrection,
    GLC,
    CoTeaching,
    MentorNet,
    CRUST,
    D2L,
    PENCIL,
    SoftLabel,
    GenLabel,
    FineTune,
    L2RW,
    INSW,
    MWNet,
    GDW,
    FSR,
]
