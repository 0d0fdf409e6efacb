"""Systems that take several runs: what each run does, and what it hands on."""

from fsr_gdw_tf.stages.incv import incv
from fsr_gdw_tf.stages.mentornet_dd import mentornet_dd
from fsr_gdw_tf.stages.rog import RoG, rog
from fsr_gdw_tf.stages.stage import Stage, StageInputs

__all__ = ["RoG", "Stage", "StageInputs", "incv", "mentornet_dd", "rog"]
