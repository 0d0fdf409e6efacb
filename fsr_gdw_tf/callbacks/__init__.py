"""Per-epoch work: records, checkpoints."""

from fsr_gdw_tf.callbacks.checkpoints import Checkpoints, Preempted
from fsr_gdw_tf.callbacks.labels import LabelStatistics
from fsr_gdw_tf.callbacks.records import MetricsCsv, SmallTables, StepTimer

__all__ = [
    "Checkpoints",
    "LabelStatistics",
    "MetricsCsv",
    "Preempted",
    "SmallTables",
    "StepTimer",
]
