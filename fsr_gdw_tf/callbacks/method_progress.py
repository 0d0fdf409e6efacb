"""Set the epoch that methods read, and add their numbers to the logs."""

import warnings

import keras
import numpy as np

from fsr_gdw_tf.data.source import Source
from fsr_gdw_tf.method import first_epoch

COLLAPSED = 1e-3  # standard deviation below which weights count as equal


class MethodProgress(keras.callbacks.Callback):
    """Callback that runs hooks around epochs; added by `Classifier.fit`."""

    def __init__(self, source: Source | None, clean: Source | None = None):
        super().__init__()
        self.source, self.clean, self.warned = source, clean, False

    def on_train_begin(self, logs=None):
        """Set the number of epochs; warn if the warm-up covers all of them."""
        epochs = self.params["epochs"]
        self.model.epochs.assign(epochs)
        self.first = int(first_epoch(self.model.method.warmup, epochs))
        if self.first >= epochs:
            name = type(self.model.method).__name__
            warnings.warn(
                f"{name} starts at epoch {self.first} of {epochs}: this is "
                f"plain training; lower {name}.warmup (WARMUP, FSR_WARMUP, "
                "FINETUNE_FROM), or train for longer",
                stacklevel=2,
            )

    def on_epoch_begin(self, epoch, logs=None):
        """Set the variable that the step reads, and call `begin_epoch`."""
        self.model.epoch.assign(epoch)
        # A run resumed in the middle of an epoch has called it before.
        if np.array(self.model.step) == 0:
            for component in self.model.components:
                component.begin_epoch(self.model, self.source, self.clean)

    def on_epoch_end(self, epoch, logs=None):
        """Add the logs of recorders and components; warn of equal weights."""
        self.model.step.assign(0)
        if self.source is None:
            return
        new_logs = {}
        for recorder in self.model.recorders:
            new_logs |= recorder.epoch_logs(self.model, self.source)
        for component in self.model.components:
            new_logs |= component.epoch_logs(self.source)
        logs.update(new_logs)
        method = self.model.method
        # Other methods' weights may all be equal by their rule.
        learns = method.uses_meta or method.dictionary
        if learns and epoch >= self.first and "weight_std" in new_logs:
            self.warn_if_collapsed(new_logs)

    def warn_if_collapsed(self, logs: dict[str, float]) -> None:
        """Warn, once, if all learned weights are the same."""
        if logs["weight_std"] < COLLAPSED and not self.warned:
            self.warned = True
            warnings.warn(
                "all learned weights are the same "
                f"({logs['weight_mean']:.3g} +- {logs['weight_std']:.1g}): "
                "the method is plain training; a longer warm-up (warmup=), or "
                "a smaller learning rate of its weight net, may help",
                stacklevel=2,
            )
