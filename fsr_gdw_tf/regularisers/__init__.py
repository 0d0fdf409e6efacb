"""Regularisers, which can be combined with any method, one file each."""

from fsr_gdw_tf.regularisers.elr import ELR
from fsr_gdw_tf.regularisers.mixup import MixUp
from fsr_gdw_tf.regularisers.posterior_weights import PosteriorWeights
from fsr_gdw_tf.regularisers.relabel import Relabel
from fsr_gdw_tf.regularisers.remix import Remix

REGULARISERS = [MixUp, Remix, Relabel, ELR, PosteriorWeights]
