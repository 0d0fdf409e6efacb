"""Keras callbacks: checkpoints, CSV files, label records, step times."""

from fsr_gdw_tf.callbacks.checkpoints import Checkpoints, Preempted
from fsr_gdw_tf.callbacks.labels import SaveLabelRecords
from fsr_gdw_tf.callbacks.records import SaveCsvTables, SaveMetrics, StepTimer

__all__ = [
    "Checkpoints",
    "Preempted",
    "SaveCsvTables",
    "SaveLabelRecords",
    "SaveMetrics",
    "StepTimer",
]
