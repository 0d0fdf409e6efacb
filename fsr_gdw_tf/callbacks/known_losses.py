"""Record the losses of examples whose labels are known to be right or wrong."""

from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np

from fsr_gdw_tf.data import InputPipeline, Source
from fsr_gdw_tf.distribution.hosts import is_chief
from fsr_gdw_tf.io.files import atomic_write, one_line_errors

FILE_NAME = "known_losses.npz"


class KnownLosses(NamedTuple):
    """Losses after each epoch, and which labels are right.

    loss: `[epochs, examples]`; right: `[examples]`.
    """

    loss: np.ndarray
    right: np.ndarray


class SaveKnownLosses(keras.callbacks.Callback):
    """Callback that writes the losses of some training examples per epoch.

    source: these examples, with the labels they are trained with and the true
        ones. The network is called as in tests, without augmentation.
    """

    def __init__(self, path: Path, source: Source, pipeline: InputPipeline):
        super().__init__()
        self.path, self.source, self.pipeline = path, source, pipeline

    def on_epoch_end(self, epoch, logs=None):
        """Add the losses of this epoch, which replace those of later ones."""
        probs = self.model.predict_probs(self.source, pipeline=self.pipeline)
        labels = self.source.labels
        own = probs[np.arange(len(labels)), labels]
        loss = -np.log(np.maximum(own, 1e-10))[None]
        if epoch:  # of a run that was interrupted there may be more
            loss = np.append(read_losses(self.path).loss[:epoch], loss, axis=0)
        right = labels == self.source.true_labels
        if is_chief():
            with atomic_write(self.path) as unfinished:
                np.savez(unfinished, loss=loss, right=right)


def read_losses(path: Path) -> KnownLosses:
    """Read what `SaveKnownLosses` wrote."""
    with (
        one_line_errors(path),
        np.load(path, allow_pickle=False) as saved,
    ):
        return KnownLosses(saved["loss"], saved["right"])
