"""Tells a method the epoch, and the logs what it has learned."""

import warnings

import keras
import numpy as np

from fsr_gdw_tf.method import first_epoch

COLLAPSED = 1e-3  # standard deviation under which weights are all the same


class MethodProgress(keras.callbacks.Callback):
    """Part of every `Classifier.fit`."""

    def __init__(self, source, clean=None):
        super().__init__()
        self.source, self.clean, self.warned = source, clean, False

    def on_train_begin(self, logs=None):
        """Tell when the method will not come to work at all."""
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
        """The train step reads the epoch from a variable."""
        self.model.epoch.assign(epoch)
        # In the middle of an epoch it has been begun, before a crash.
        if np.array(self.model.step) == 0:
            for component in self.model.components:
                component.begin_epoch(self.model, self.source, self.clean)

    def on_epoch_end(self, epoch, logs=None):
        """Add the method's report; warn once when its weights collapse."""
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
        # Weights of methods that learn none may all be the same by their rule.
        learns = method.uses_meta or method.dictionary
        if learns and epoch >= self.first and "weight_std" in new_logs:
            self.warn_if_collapsed(new_logs)

    def warn_if_collapsed(self, logs: dict[str, float]) -> None:
        """Warn once when all learned weights are the same."""
        if logs["weight_std"] < COLLAPSED and not self.warned:
            self.warned = True
            warnings.warn(
                "all learned weights are the same "
                f"({logs['weight_mean']:.3g} +- {logs['weight_std']:.1g}): "
                "the method weighs nothing; a longer warm-up (warmup=), or a "
                "smaller rate of its weight net if it has one, may help",
                stacklevel=2,
            )
