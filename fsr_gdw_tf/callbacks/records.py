"""What a run writes down at the end of each epoch."""

import time
from pathlib import Path

import keras

from fsr_gdw_tf.io.files import read_csv, write_csv


class StepTimer(keras.callbacks.Callback):
    """Adds `step_seconds` to the logs: the mean of the epoch's train steps."""

    def on_epoch_begin(self, epoch, logs=None):
        """Start the clock."""
        self.start, self.spent, self.batch = time.perf_counter(), 0.0, -1
        # An epoch that was resumed in its middle has fewer steps to take.
        self.steps = int(self.model.steps - self.model.step)

    def on_train_batch_end(self, batch, logs=None):
        """Look at the clock; evaluation comes after the last step."""
        self.batch = batch
        self.spent = time.perf_counter() - self.start

    def on_epoch_end(self, epoch, logs=None):
        """Note the mean."""
        steps = self.steps if self.steps > 0 else self.batch + 1
        logs["step_seconds"] = self.spent / max(steps, 1)


class SaveMetrics(keras.callbacks.Callback):
    """One row per epoch, on disk before the next epoch starts."""

    def __init__(self, path: Path, first_epoch: int = 0):
        super().__init__()
        # Rows after the checkpoint belong to epochs that run again.
        rows = read_csv(path)
        self.path = path
        self.rows = [r for r in rows if r["epoch"] <= first_epoch]

    def on_epoch_begin(self, epoch, logs=None):
        """At its end the schedule has gone on to the next epoch."""
        optimizer = self.model.optimizer
        rate = optimizer._learning_rate
        if isinstance(rate, keras.optimizers.schedules.LearningRateSchedule):
            # Perhaps this epoch goes on, even in the test at its end.
            rate = rate(optimizer.iterations - self.model.step)
        self.rate = float(rate)

    def on_epoch_end(self, epoch, logs=None):
        """Write."""
        numbers = {k: float(v) for k, v in (logs or {}).items()}
        row = {"epoch": epoch + 1, "learning_rate": self.rate, **numbers}
        self.rows.append(row)
        write_csv(self.path, self.rows)


class SaveCsvTables(keras.callbacks.Callback):
    """Write the small tables of the recorders as CSV files."""

    def __init__(self, folder: Path, source):
        super().__init__()
        self.folder, self.source = Path(folder), source

    def on_epoch_end(self, epoch, logs=None):
        """Write those that have rows."""
        for recorder in self.model.recorders:
            tables = recorder.csv_tables(self.model, self.source)
            for name, rows in tables.items():
                if rows:
                    write_csv(self.folder / name, rows)
