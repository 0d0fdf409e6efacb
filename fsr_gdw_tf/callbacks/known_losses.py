"""Record the losses of examples whose labels are known to be right or wrong."""

import dataclasses
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np

from fsr_gdw_tf import losses
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
        ones. They are not augmented.
    """

    def __init__(self, path: Path, source: Source, pipeline: InputPipeline):
        super().__init__()
        self.path, self.source, self.pipeline = path, source, pipeline

    def on_epoch_end(self, epoch, logs=None):
        """Add the losses of this epoch, which replace those of later ones."""
        loss = training_losses(self.model, self.source, self.pipeline)[None]
        if epoch:  # of a run that was interrupted there may be more
            loss = np.append(read_losses(self.path).loss[:epoch], loss, axis=0)
        right = self.source.labels == self.source.true_labels
        if is_chief():
            with atomic_write(self.path) as unfinished:
                np.savez(unfinished, loss=loss, right=right)


def training_losses(
    classifier: keras.Model, source: Source, pipeline: InputPipeline
) -> np.ndarray:
    """Return the losses of examples as a training step sees them.

    Batch normalisation takes the statistics of these batches, as in training:
    in the first epochs the moving ones lag behind. Nothing is updated.
    """
    # A short last batch would have poor statistics.
    n_batches = max(len(source) // pipeline.batch_size, 1)
    size = -(-len(source) // n_batches)
    found = []
    for batch in dataclasses.replace(pipeline, batch_size=size).test(source):
        with keras.StatelessScope():
            logits = classifier(batch["inputs"], training=True)
        found.append(losses.cross_entropy(batch["label"], logits))
    return np.concatenate(found)


def read_losses(path: Path) -> KnownLosses:
    """Read what `SaveKnownLosses` wrote."""
    with (
        one_line_errors(path),
        np.load(path, allow_pickle=False) as saved,
    ):
        return KnownLosses(saved["loss"], saved["right"])
