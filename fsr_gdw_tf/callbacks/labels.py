"""Writes the records of each label."""

from pathlib import Path

import keras

from fsr_gdw_tf.distribution.hosts import is_chief
from fsr_gdw_tf.example_state import require_indices
from fsr_gdw_tf.label_quality import label_records


class SaveLabelRecords(keras.callbacks.Callback):
    """Writes a Parquet file with a row per training example, each epoch.

    Works with every method, plain training included. It has the columns of the
    classifier's `TrainingDynamics`; of methods that weight examples also the
    last weight, and the dictionary's score (FSR's momentum meta-margin, or the
    score of another pusher). `label_records.read_records` reads it.
    """

    def __init__(self, path: str | Path):
        super().__init__()
        self.path = Path(path)
        self._names = None

    def on_train_begin(self, logs=None):
        """Raise unless the examples have indices and are recorded."""
        dynamics = self.model.training_dynamics
        is_current = dynamics is not None and dynamics.is_current
        source = dynamics.source if is_current else None
        require_indices("SaveLabelRecords", source)
        self._names = source.all_names()

    def on_epoch_end(self, epoch, logs=None):
        """Write the file anew."""
        if is_chief():
            records = label_records.collect_records(self.model, self._names)
            label_records.write_records(self.path, records)
