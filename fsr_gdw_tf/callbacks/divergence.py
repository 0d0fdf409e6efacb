"""Stop a training that has diverged, before its state is saved."""

import keras
import numpy as np

from fsr_gdw_tf.errors import Diverged


class StopOnDivergence(keras.callbacks.Callback):
    """Callback that raises `Diverged` once a weight is not finite.

    The weights are only looked at in epochs whose loss is not finite: a step
    that overflows in half precision is skipped, and does no harm. List it
    before `Checkpoints`, which would replace the last good state.
    """

    def on_train_batch_end(self, batch, logs=None):
        """Look at the loss so far."""
        self._check(logs)

    def on_epoch_end(self, epoch, logs=None):
        """Look at the loss of the whole epoch."""
        self._check(logs)

    def _check(self, logs: dict | None) -> None:
        if np.isfinite((logs or {}).get("loss", 0.0)):
            return
        weights = self.model.trainable_variables
        if all(np.isfinite(np.asarray(w, np.float32)).all() for w in weights):
            return
        rate = float(np.array(self.model.optimizer.learning_rate))
        epoch, step = (
            int(np.array(v)) for v in (self.model.epoch, self.model.step)
        )
        raise Diverged(
            f"training has diverged: weights are not finite after step {step} "
            f"of epoch {epoch + 1}; lower LEARNING_RATE (it is {rate:.3g} "
            "now), or look for numbers in the data that are not finite"
        )
