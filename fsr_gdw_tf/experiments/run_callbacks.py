"""The callbacks of a run, which write its files after each epoch."""

import importlib.util
from typing import TYPE_CHECKING

import keras

from fsr_gdw_tf.callbacks import (
    SaveCsvTables,
    SaveLabelRecords,
    SaveMetrics,
    StepTimer,
)
from fsr_gdw_tf.callbacks.known_losses import FILE_NAME as KNOWN_LOSSES
from fsr_gdw_tf.callbacks.known_losses import SaveKnownLosses
from fsr_gdw_tf.classifier import Classifier
from fsr_gdw_tf.data import Splits
from fsr_gdw_tf.distribution.hosts import is_chief
from fsr_gdw_tf.io.run_folder import BEST_NETWORK, RunFolder
from fsr_gdw_tf.label_quality.label_records import FILE_NAME

if TYPE_CHECKING:
    from fsr_gdw_tf.experiments.experiment import Experiment


def run_callbacks(
    experiment: "Experiment",
    folder: RunFolder,
    splits: Splits,
    classifier: Classifier,
    metrics: SaveMetrics,
) -> list[keras.callbacks.Callback]:
    """Return the recipe's own callbacks, and those that write files."""
    callbacks = [*experiment.callbacks, *_tensorboard(folder), StepTimer()]
    callbacks += [metrics, SaveCsvTables(folder.path, splits.training)]
    if classifier.training_dynamics:
        callbacks.append(SaveLabelRecords(folder / FILE_NAME))
    if splits.known:
        path, pipeline = folder / KNOWN_LOSSES, experiment.test_pipeline
        callbacks.append(SaveKnownLosses(path, splits.known, pipeline))
    if experiment.keep_best and is_chief():
        callbacks.append(save_best(folder, metrics.rows))
    return callbacks


def save_best(folder: RunFolder, rows: list[dict]) -> keras.callbacks.Callback:
    """Return what saves the network of the best epoch.

    rows: the metrics of the epochs of a run that is resumed.
    """
    best = max((row["val_accuracy"] for row in rows), default=None)
    return keras.callbacks.ModelCheckpoint(
        str(folder / BEST_NETWORK),
        monitor="val_accuracy",
        mode="max",
        save_best_only=True,
        initial_value_threshold=best,
    )


def _tensorboard(folder: RunFolder) -> list[keras.callbacks.Callback]:
    """Return TensorBoard's callback if TensorBoard is installed."""
    if not (is_chief() and importlib.util.find_spec("tensorboard")):
        return []
    return [keras.callbacks.TensorBoard(str(folder / "tensorboard"))]
