"""Tells a method the epoch, and the logs what it has learned."""

import warnings

import keras

COLLAPSED = 1e-3  # standard deviation under which weights are all the same


class FollowMethod(keras.callbacks.Callback):
    """Part of every `Classifier.fit`."""

    def __init__(self, source):
        super().__init__()
        self.source, self.warned = source, False

    def on_train_begin(self, logs=None):
        """Tell when the method will not come to work at all."""
        first, epochs = self.model.method.first_epoch, self.params["epochs"]
        if first >= epochs:
            warnings.warn(
                f"{type(self.model.method).__name__} starts at epoch {first} "
                f"of {epochs}: this is plain training; lower FINETUNE_FROM or "
                "WARMUP, or train for longer",
                stacklevel=2,
            )

    def on_epoch_begin(self, epoch, logs=None):
        """The train step reads the epoch from a variable."""
        self.model.epoch.assign(epoch)

    def on_epoch_end(self, epoch, logs=None):
        """Add the method's report; warn once when its weights collapse."""
        if self.source is None:
            return
        report = self.model.method.report(self.source)
        logs.update(report)
        awake = epoch >= self.model.method.first_epoch
        if awake and report.get("weight_std", 1.0) < COLLAPSED:
            self.warn(report)

    def warn(self, report) -> None:
        """Say it once."""
        if not self.warned:
            self.warned = True
            warnings.warn(
                "all learned weights are the same "
                f"({report['weight_mean']:.3g} +- {report['weight_std']:.1g}): "
                "the method weighs nothing; a longer warm-up (warmup=) or a "
                "smaller rate of the weight net may help",
                stacklevel=2,
            )
