"""Checkpoints from which a run goes on bit for bit."""

import contextlib
import json
import signal
import threading
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from fsr_gdw_tf.distribution.collectives import (
    total_over_replicas,
    wait_for_all,
)
from fsr_gdw_tf.distribution.hosts import host, is_chief, print_on_chief
from fsr_gdw_tf.errors import INF, InvalidInput, require_range

SIMPLE = (bool, int, float, str, type(None))
ASK_EVERY = 20  # steps, when several hosts have to agree on leaving


class Preempted(SystemExit):
    """The process was told to end, and has saved where it stands."""


class Checkpoints(keras.callbacks.Callback):
    """Save all there is after each epoch; `restore` before the next start.

    All there is: every variable of network, method, optimizer and random
    generators, the plain attributes of the other callbacks (patience counters
    and the like), and the epoch. Order and augmentation of the data depend on
    the epoch only and need no saving. While `listening`, SIGTERM, which
    clusters send before they take a machine away, saves in the middle of an
    epoch and ends the process. Of several hosts the first one writes.

    every: also save after so many steps, for epochs that take hours.
    """

    def __init__(
        self,
        folder: Path,
        others=(),
        keep: int = 2,
        every: int | None = None,
    ):
        super().__init__()
        require_range(1, INF, every=1 if every is None else every)
        self.folder, self.others, self.keep = Path(folder), list(others), keep
        self.every = every
        self.notes = tf.Variable("{}")
        self.known, self.step = {}, 0
        self.told, self.calls, self.trained = False, 0, []

    def restore(self, model) -> int:
        """Bring everything back; returns how many epochs are done."""
        manager = self._manager(model)
        if manager.latest_checkpoint:
            status = manager.checkpoint.restore(manager.latest_checkpoint)
            status.assert_consumed()
            self.known = json.loads(self.notes.numpy().decode())
        epochs, self.step = (
            self.known.get("epochs", 0),
            self.known.get("step", 0),
        )
        self._same_on_all_hosts(
            model, int(np.array(model.optimizer.iterations))
        )
        return epochs

    def _same_on_all_hosts(self, model, iterations: int) -> None:
        total = total_over_replicas(iterations, model.distribute_strategy)
        if total != iterations * model.distribute_strategy.num_replicas_in_sync:
            raise InvalidInput(
                f"host {host().index} goes on from step {iterations}, others "
                f"from elsewhere; {self.folder} must be the same folder on all "
                "hosts (a shared file system)"
            )

    def on_train_begin(self, logs=None):
        """Callbacks reset themselves here; give them back what they knew."""
        states = self.known.get("callbacks", [])
        for callback, state in zip(self.others, states, strict=False):
            vars(callback).update(state)

    @contextlib.contextmanager
    def listening(self):
        """Inside, SIGTERM saves at the end of a step, and ends the process."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = signal.signal(signal.SIGTERM, self._tell)
        try:
            yield
        finally:
            signal.signal(signal.SIGTERM, before)

    def _tell(self, *_) -> None:
        self.told = True

    def on_epoch_begin(self, epoch, logs=None):
        """An epoch that goes on in its middle has a loss already."""
        for variable, value in zip(
            self._metrics, self.known.pop("metrics", []), strict=False
        ):
            variable.assign(value)

    def on_train_batch_end(self, batch, logs=None):
        """Save and leave, if this host or another was told to."""
        if self._any_told():
            self._leave(self._training())
        elif self.every and (batch + 1) % self.every < self._per_call:
            self._save_here(self._training())

    def on_test_begin(self, logs=None):
        """Remember the loss of the epoch; a test uses its variables."""
        self.trained = self._training()

    def on_test_batch_end(self, batch, logs=None):
        """A test may take longer than a cluster waits."""
        if self._any_told():
            self._leave(self.trained)

    def _any_told(self) -> bool:
        self.calls += 1
        if host().count > 1 and self.calls % max(
            1, ASK_EVERY // self._per_call
        ):
            return False
        strategy = self.model.distribute_strategy
        return bool(total_over_replicas(int(self.told), strategy))

    @property
    def _per_call(self) -> int:
        return self.model.steps_per_execution

    def _training(self) -> list:
        return [np.array(v).tolist() for v in self._metrics]

    def _save_here(self, metrics: list) -> tuple[int, int]:
        """Save in the middle of an epoch; which epoch and step that is."""
        epoch, step = (
            int(np.array(v)) for v in (self.model.epoch, self.model.step)
        )
        self.save({"epochs": epoch, "step": step, "metrics": metrics})
        return epoch, step

    def _leave(self, metrics: list) -> None:
        epoch, step = self._save_here(metrics)
        wait_for_all(self.model.distribute_strategy)
        print_on_chief(f"SIGTERM: saved after step {step} of epoch {epoch + 1}")
        print_on_chief("the same command goes on from there")
        raise Preempted(128 + signal.SIGTERM)

    def on_epoch_end(self, epoch, logs=None):
        """Save."""
        ended = self.model.stop_training
        self.save({"epochs": self.params["epochs"] if ended else epoch + 1})

    def save(self, notes: dict) -> None:
        """Write it all down, as a whole."""
        if not is_chief():
            return
        notes["callbacks"] = [_plain_state(c) for c in self.others]
        self.notes.assign(json.dumps(notes))
        # An epoch's end is another checkpoint than its last step.
        number = 2 * int(np.array(self.model.optimizer.iterations))
        number += "step" not in notes
        self._manager(self.model).save(checkpoint_number=number)

    @property
    def _metrics(self) -> list:
        return [v for m in self.model.eval_metrics[:2] for v in m.variables]

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
