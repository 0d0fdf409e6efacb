"""Checkpoints from which a run goes on bit for bit."""

import json
from pathlib import Path

import keras
import tensorflow as tf

SIMPLE = (bool, int, float, str, type(None))


class Checkpoints(keras.callbacks.Callback):
    """Save all there is after each epoch; `restore` before the next start.

    All there is: every variable of network, method, optimizer and random
    generators, the plain attributes of the other callbacks (patience counters
    and the like), and the epoch. Order and augmentation of the data depend on
    the epoch only and need no saving.
    """

    def __init__(self, folder: Path, others=(), keep: int = 2):
        super().__init__()
        self.folder, self.others, self.keep = Path(folder), list(others), keep
        self.notes, self.restored = tf.Variable("{}"), []

    def restore(self, model) -> int:
        """Bring everything back; returns how many epochs are done."""
        manager = self._manager(model)
        if not manager.latest_checkpoint:
            return 0
        status = manager.checkpoint.restore(manager.latest_checkpoint)
        status.assert_consumed()
        notes = json.loads(self.notes.numpy().decode())
        self.restored = notes["callbacks"]
        return notes["epochs"]

    def on_train_begin(self, logs=None):
        """Callbacks reset themselves here; give them back what they knew."""
        for callback, state in zip(self.others, self.restored, strict=False):
            vars(callback).update(state)

    def on_epoch_end(self, epoch, logs=None):
        """Save."""
        ended = self.model.stop_training
        notes = {
            "epochs": self.params["epochs"] if ended else epoch + 1,
            "callbacks": [_plain_state(c) for c in self.others],
        }
        self.notes.assign(json.dumps(notes))
        self._manager(self.model).save(checkpoint_number=epoch + 1)

    def _manager(self, model) -> tf.train.CheckpointManager:
        # A list in a fixed order: strict, and independent of layer names.
        checkpoint = tf.train.Checkpoint(
            variables=[v.value for v in model.state], notes=self.notes
        )
        return tf.train.CheckpointManager(
            checkpoint, str(self.folder), max_to_keep=self.keep
        )


def _plain_state(callback) -> dict:
    """The callback's own numbers and words, which is where counters live."""
    return {
        k: v.item() if hasattr(v, "item") and not getattr(v, "shape", ()) else v
        for k, v in vars(callback).items()
        if not k.startswith("_")
        and (isinstance(v, SIMPLE) or type(v).__module__ == "numpy")
        and getattr(v, "shape", ()) == ()
    }
