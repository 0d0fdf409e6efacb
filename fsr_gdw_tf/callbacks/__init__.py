"""Keras callbacks: checkpoints, CSV files, label records, step times."""

from fsr_gdw_tf.callbacks.checkpoints import Checkpoints, Preempted
from fsr_gdw_tf.callbacks.divergence import StopOnDivergence
from fsr_gdw_tf.callbacks.epoch_logs import (
    SaveCsvTables,
    SaveMetrics,
    StepTimer,
)
from fsr_gdw_tf.callbacks.label_records import SaveLabelRecords

__all__ = [
    "Checkpoints",
    "Preempted",
    "SaveCsvTables",
    "SaveLabelRecords",
    "SaveMetrics",
    "StepTimer",
    "StopOnDivergence",
]
