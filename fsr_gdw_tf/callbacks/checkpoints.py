"""Checkpoints from which training resumes with bit-identical results."""

import contextlib
import json
import signal
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from fsr_gdw_tf.callbacks.epoch_logs import SaveMetrics
from fsr_gdw_tf.callbacks.saved_checkpoints import (
    remove_unreadable_list,
    restore_newest,
)
from fsr_gdw_tf.distribution.collectives import (
    total_over_replicas,
    wait_for_all,
)
from fsr_gdw_tf.distribution.hosts import host, is_chief, print_on_chief
from fsr_gdw_tf.errors import INF, InvalidInput, require_range

# No strings: those are settings, such as the path that a callback writes to,
# and a checkpoint may come from others.
PLAIN_TYPES = (bool, int, float, type(None))
# Several hosts must stop at the same step. Finding out whether one has received
# SIGTERM is a reduction over all hosts, too slow for each step.
AGREE_EVERY = 20  # steps


class Preempted(SystemExit):
    """The exit after SIGTERM or Ctrl-C; a checkpoint has been saved before."""


class Checkpoints(keras.callbacks.Callback):
    """Callback that saves after each epoch what is needed to resume training.

    That is every variable of network, method, optimizer and random generators,
    plain attributes of the given callbacks (such as patience counters), and the
    epoch. Order and augmentation of the data depend on the epoch only and need
    no saving. Within `save_on_signals` Ctrl-C (SIGINT), or SIGTERM, which
    clusters send before they take a machine away, saves in the middle of an
    epoch and ends the process; a second Ctrl-C ends it at once.
    Of several hosts only the first one writes.

    every: also save every so many steps, for long epochs.
    metrics: its rows are saved too, and its file is written anew from them.
    """

    def __init__(
        self,
        folder: Path,
        callbacks: Sequence[keras.callbacks.Callback] = (),
        keep: int = 2,
        every: int | None = None,
        metrics: SaveMetrics | None = None,
    ):
        super().__init__()
        require_range(1, INF, every=1 if every is None else every)
        self.folder, self.keep, self.every = Path(folder), keep, every
        self.callbacks, self.metrics = list(callbacks), metrics
        # JSON with the epoch, the step, metrics and the callbacks' attributes.
        self.progress = tf.Variable("{}")
        self.restored, self.step = {}, 0
        self.signal_received, self.calls = 0, 0
        self.train_metrics = []

    def restore(self, model: keras.Model) -> int:
        """Restore the last checkpoint; return the number of epochs done."""
        remove_unreadable_list(self.folder)
        restored = restore_newest(self._manager(model), self._read_progress)
        if restored and self.metrics:
            self.metrics.restore(self.restored["rows"])
        self.step = self.restored.get("step", 0)
        self._require_same_step(model)
        return self.restored.get("epochs", 0)

    def _read_progress(self) -> None:
        """Read what `save` has written; raise if it is anything else."""
        progress = json.loads(self.progress.numpy().decode())
        counts = progress["epochs"], progress.get("step", 0)
        lists = progress["callbacks"], progress["rows"]
        if not all(type(count) is int and count >= 0 for count in counts):
            raise ValueError(f"epochs and steps are {counts}")
        if not all(isinstance(item, dict) for items in lists for item in items):
            raise ValueError("its metrics or callbacks are damaged")
        self.restored = progress

    def _require_same_step(self, model: keras.Model) -> None:
        """Raise if the hosts have restored different checkpoints."""
        iterations = int(np.array(model.optimizer.iterations))
        strategy = model.distribute_strategy
        total = total_over_replicas(iterations, strategy)
        if total != iterations * strategy.num_replicas_in_sync:
            raise InvalidInput(
                f"host {host().index} resumes from step {iterations}, others "
                f"from another one; {self.folder} must be the same folder on "
                "all hosts (a shared file system)"
            )

    def on_train_begin(self, logs=None):
        """Restore the callbacks' attributes, which they reset here."""
        states = self.restored.get("callbacks", [])
        for callback, state in zip(self.callbacks, states, strict=False):
            known = _plain_attributes(callback)
            vars(callback).update({k: state[k] for k in known if k in state})

    @contextlib.contextmanager
    def save_on_signals(self) -> Iterator[None]:
        """Let SIGTERM or Ctrl-C save after the step and raise `Preempted`."""
        if threading.current_thread() is not threading.main_thread():
            yield  # only the main thread may set signal handlers
            return
        before = {
            n: signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGINT)
        }
        if before[signal.SIGINT] == signal.SIG_IGN:  # under nohup
            del before[signal.SIGINT]
        for number in before:
            signal.signal(number, self._on_signal)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _on_signal(self, number: int, _) -> None:
        if number == self.signal_received == signal.SIGINT:
            raise KeyboardInterrupt
        self.signal_received = self.signal_received or number

    def on_epoch_begin(self, epoch, logs=None):
        """Restore the metrics of an epoch that is resumed in its middle."""
        for variable, value in zip(
            self._metrics, self.restored.pop("metrics", []), strict=False
        ):
            variable.assign(value)

    def on_train_batch_end(self, batch, logs=None):
        """Save and exit after a signal; save every so many steps."""
        if self._any_signal():
            self._save_and_exit(self._metric_values())
        elif self.every and (batch + 1) % self.every < self._steps_per_call:
            self._save_step(self._metric_values())

    def on_test_begin(self, logs=None):
        """Store the training metrics, as a test uses the same variables."""
        self.train_metrics = self._metric_values()

    def on_test_batch_end(self, batch, logs=None):
        """Save and exit during a test too, which may take long."""
        if self._any_signal():
            self._save_and_exit(self.train_metrics)

    def _any_signal(self) -> bool:
        """Return whether any host has received a signal, agreed on by all."""
        self.calls += 1
        calls = max(1, AGREE_EVERY // self._steps_per_call)
        if host().count > 1 and self.calls % calls:
            return False
        strategy = self.model.distribute_strategy
        received = int(bool(self.signal_received))
        return bool(total_over_replicas(received, strategy))

    @property
    def _steps_per_call(self) -> int:
        return self.model.steps_per_execution

    def _metric_values(self) -> list:
        return [np.array(v).tolist() for v in self._metrics]

    def _save_step(self, metrics: list) -> tuple[int, int]:
        """Save in the middle of an epoch; return the epoch and the step."""
        epoch, step = (
            int(np.array(v)) for v in (self.model.epoch, self.model.step)
        )
        self.save({"epochs": epoch, "step": step, "metrics": metrics})
        return epoch, step

    def _save_and_exit(self, metrics: list) -> None:
        epoch, step = self._save_step(metrics)
        wait_for_all(self.model.distribute_strategy)
        # On other hosts than the one that received it, it counts as SIGTERM.
        number = signal.Signals(self.signal_received or signal.SIGTERM)
        print_on_chief(
            f"{number.name}: saved after step {step} of epoch {epoch + 1}; the "
            "same command goes on from there"
        )
        raise Preempted(128 + number)

    def on_epoch_end(self, epoch, logs=None):
        """Save; a run that was stopped early counts as completed."""
        stopped = self.model.stop_training
        self.save({"epochs": self.params["epochs"] if stopped else epoch + 1})

    def save(self, progress: dict) -> None:
        """Write a checkpoint of all variables and of `progress`."""
        if not is_chief():
            return
        progress["rows"] = self.metrics.rows if self.metrics else []
        progress["callbacks"] = [_plain_attributes(c) for c in self.callbacks]
        self.progress.assign(json.dumps(progress))
        # Even numbers in an epoch, odd ones at its end: its last step and its
        # end have the same number of iterations.
        number = 2 * int(np.array(self.model.optimizer.iterations))
        number += "step" not in progress
        self._manager(self.model).save(checkpoint_number=number)

    @property
    def _metrics(self) -> list:
        return [v for m in self.model.train_metrics for v in m.variables]

    def _manager(self, model: keras.Model) -> tf.train.CheckpointManager:
        # A list in a fixed order does not depend on the names of layers.
        checkpoint = tf.train.Checkpoint(
            variables=[v.value for v in model.state], notes=self.progress
        )
        return tf.train.CheckpointManager(
            checkpoint, str(self.folder), max_to_keep=self.keep
        )


def _plain_attributes(callback: keras.callbacks.Callback) -> dict:
    """Return the public attributes that are numbers or strings, for JSON."""
    return {
        k: v.item() if hasattr(v, "item") and not getattr(v, "shape", ()) else v
        for k, v in vars(callback).items()
        if not k.startswith("_")
        and (isinstance(v, PLAIN_TYPES) or type(v).__module__ == "numpy")
        and getattr(v, "shape", ()) == ()
    }
