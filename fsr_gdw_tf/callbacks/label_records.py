"""Write the label records of all training examples."""

from pathlib import Path

import keras

from fsr_gdw_tf.distribution.hosts import is_chief
from fsr_gdw_tf.example_state import require_indices
from fsr_gdw_tf.label_quality import label_records


class SaveLabelRecords(keras.callbacks.Callback):
    """Callback that writes a Parquet file with a row per training example.

    It is written after each epoch, with every method. The file has the columns
    of the classifier's `TrainingDynamics`; for methods that weight examples
    also the last weight, and the dictionary's score (FSR's momentum
    meta-margin, or that of another pusher). `label_records.read_records` reads
    it.
    """

    def __init__(self, path: str | Path):
        super().__init__()
        self.path = Path(path)
        self._names = None

    def on_train_begin(self, logs=None):
        """Raise if the examples have no indices or are not recorded."""
        dynamics = self.model.training_dynamics
        is_current = dynamics is not None and dynamics.is_current
        source = dynamics.source if is_current else None
        require_indices("SaveLabelRecords", source)
        self._names = source.all_names()

    def on_epoch_end(self, epoch, logs=None):
        """Write the file, replacing the last epoch's."""
        if is_chief():
            records = label_records.collect_records(self.model, self._names)
            label_records.write_records(self.path, records)
