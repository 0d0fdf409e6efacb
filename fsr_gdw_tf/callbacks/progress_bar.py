"""Keras' progress bar with the numbers that people watch."""

from collections.abc import Iterable

import keras

# All others are in the history, and in the metrics.csv of runs.
# The plain loss does not jump when weights begin.
SHOWN = ("accuracy", "loss", "plain_loss")


class ProgressBar(keras.callbacks.ProgbarLogger):
    """Callback that prints accuracy, losses, and the metrics of the user.

    metrics: names of the user's metrics, which are shown as well.
    """

    def __init__(self, metrics: Iterable[str] = ()):
        super().__init__()
        names = (*SHOWN, *metrics)
        self.names = {*names, *(f"val_{name}" for name in names)}

    def on_train_batch_end(self, batch, logs=None):
        """Show some of the numbers so far."""
        super().on_train_batch_end(batch, self._shown(logs))

    def on_epoch_end(self, epoch, logs=None):
        """Show some of the epoch's numbers."""
        super().on_epoch_end(epoch, self._shown(logs))

    def on_train_end(self, logs=None):
        """Print what the method and the regularisers say of the training."""
        for line in (part.summary() for part in self.model.components):
            if line:
                print(line)

    def _shown(self, logs: dict | None) -> dict:
        return {k: v for k, v in (logs or {}).items() if k in self.names}
