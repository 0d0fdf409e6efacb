"""Writes down what training tells of each label."""

from pathlib import Path

import keras

from fsr_gdw_tf.distribution.hosts import is_chief
from fsr_gdw_tf.example_state import require_indices
from fsr_gdw_tf.label_quality import label_records


class SaveLabelRecords(keras.callbacks.Callback):
    """A Parquet file with a row per training example, anew each epoch.

    Works with every method, plain training included. What is in it is kept by
    the classifier's `books`: see `books.COLUMNS`; of methods that weigh also
    the last weight, and the dictionary's score (FSR's momentum meta-margin, or
    what its pusher makes instead). `report.statistics.read` reads it.
    """

    def __init__(self, path: str | Path):
        super().__init__()
        self.path = Path(path)
        self._names = None

    def on_train_begin(self, logs=None):
        """There have to be books, on examples that can be named."""
        training_dynamics = self.model.training_dynamics
        current = training_dynamics and training_dynamics.current
        require_indices(
            "SaveLabelRecords", training_dynamics.source if current else None
        )
        self._names = training_dynamics.source.all_names()

    def on_epoch_end(self, epoch, logs=None):
        """Write."""
        if is_chief():
            found = label_records.collect_records(self.model, self._names)
            label_records.write_records(self.path, found)
