"""Step times, metrics and tables, written after each epoch."""

import time
from pathlib import Path

import keras

from fsr_gdw_tf.data.source import Source
from fsr_gdw_tf.io.files import write_csv
from fsr_gdw_tf.io.run_folder import RunFolder


class StepTimer(keras.callbacks.Callback):
    """Callback that logs `step_seconds`, the mean time of a training step."""

    def on_epoch_begin(self, epoch, logs=None):
        """Start the clock."""
        self.start, self.seconds, self.batch = time.perf_counter(), 0.0, -1
        # Fewer if a run was resumed in the middle of the epoch.
        self.steps = int(self.model.steps - self.model.step)

    def on_train_batch_end(self, batch, logs=None):
        """Take the time so far, as evaluation follows the last step."""
        self.batch = batch
        self.seconds = time.perf_counter() - self.start

    def on_epoch_end(self, epoch, logs=None):
        """Add the mean to the logs."""
        steps = self.steps if self.steps > 0 else self.batch + 1
        logs["step_seconds"] = self.seconds / max(steps, 1)


class SaveMetrics(keras.callbacks.Callback):
    """Callback that writes the logs as a CSV file, a row per epoch."""

    def __init__(self, path: Path, first_epoch: int = 0):
        super().__init__()
        # Later rows are those of epochs that are trained again.
        rows = RunFolder(path.parent).metrics() if first_epoch else []
        self.path = path
        self.rows = [r for r in rows if r["epoch"] <= first_epoch]

    def restore(self, rows: list[dict]) -> None:
        """Replace the rows, and the file, by those of a checkpoint."""
        self.rows = rows
        write_csv(self.path, rows)

    def on_epoch_begin(self, epoch, logs=None):
        """Store the learning rate; at the epoch's end it is the next one's."""
        optimizer = self.model.optimizer
        rate = optimizer._learning_rate
        if isinstance(rate, keras.optimizers.schedules.LearningRateSchedule):
            # The rate of the epoch's first step, also if it was resumed.
            rate = rate(optimizer.iterations - self.model.step)
        self.rate = float(rate)

    def on_epoch_end(self, epoch, logs=None):
        """Write all rows."""
        numbers = {k: float(v) for k, v in (logs or {}).items()}
        row = {"epoch": epoch + 1, "learning_rate": self.rate, **numbers}
        self.rows.append(row)
        write_csv(self.path, self.rows)


class SaveCsvTables(keras.callbacks.Callback):
    """Callback that writes the recorders' tables as CSV files."""

    def __init__(self, folder: Path, source: Source):
        super().__init__()
        self.folder, self.source = Path(folder), source

    def on_epoch_end(self, epoch, logs=None):
        """Write the tables that have rows."""
        for recorder in self.model.recorders:
            tables = recorder.csv_tables(self.model, self.source)
            for name, rows in tables.items():
                if rows:
                    write_csv(self.folder / name, rows)
