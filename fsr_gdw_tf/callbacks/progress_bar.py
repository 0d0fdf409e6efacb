"""Progress on the terminal: the numbers that people watch, and the time left.

All other numbers are in the history, and in the metrics.csv of runs.
"""

import contextlib
import sys
import time
from collections.abc import Iterable, Iterator, Mapping

import keras
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from fsr_gdw_tf.distribution.hosts import is_chief

# The first of them that there are.
# The plain loss does not jump when weights begin.
SHOWN = ("loss", "accuracy", "val_accuracy", "plain_loss", "val_loss")
LINE = 2  # Keras' `verbose` for a line per epoch
COLUMNS = 100  # of lines in files


def short(
    logs: Mapping | None, metrics: Iterable[str] = (), count: int = 4
) -> str:
    """Return `count` numbers and the given metrics, with three digits."""
    logs = logs or {}
    names = [name for name in SHOWN if name in logs][:count]
    names += [n for m in metrics for n in (m, f"val_{m}") if n in logs]
    # "#" keeps zeros at the end: columns of lines stay below each other.
    return " ".join(f"{name}: {float(logs[name]):#.3g}" for name in names)


def clock(seconds: float) -> str:
    """Return a time as people write it: 0:07, 12:30 or 3h05m."""
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}h{minute:02}m" if hours else f"{minute}:{second:02}"


def summaries(model: keras.Model) -> list[str]:
    """Return the lines of the method and the regularisers on a training."""
    lines = (part.summary() for part in model.components)
    return [line for line in lines if line]


class ProgressBar(keras.callbacks.ProgbarLogger):
    """Callback that prints accuracy, losses, and the metrics of the user.

    On terminals and in notebooks it is Keras' bar, one per epoch. Elsewhere, or
    with `verbose=2`, it is a line per epoch with the time left.

    metrics: names of the user's metrics, which are shown as well.
    """

    def __init__(self, metrics: Iterable[str] = ()):
        super().__init__()
        self.metrics = list(metrics)
        names = (*SHOWN, *self.metrics)
        self.names = {*names, *(f"val_{name}" for name in names)}

    def set_params(self, params):
        """Choose lines where "auto" is asked for and nobody watches."""
        super().set_params(params)
        interactive = sys.stdout.isatty() or "ipykernel" in sys.modules
        if params["verbose"] == "auto" and not interactive:
            self.verbose = LINE

    def on_epoch_begin(self, epoch, logs=None):
        """Start a bar, or the clock."""
        self.start = time.perf_counter()
        if self.verbose != LINE:
            super().on_epoch_begin(epoch, logs)

    def on_train_batch_end(self, batch, logs=None):
        """Show some of the numbers so far."""
        if self.verbose != LINE:
            super().on_train_batch_end(batch, self._shown(logs))

    def on_epoch_end(self, epoch, logs=None):
        """Show some of the epoch's numbers."""
        if self.verbose != LINE:
            super().on_epoch_end(epoch, self._shown(logs))
            return
        # By the last epoch: the first one, which compiles, takes longer.
        seconds = time.perf_counter() - self.start
        left = clock(seconds * (self.epochs - epoch - 1))
        numbers = short(logs, self.metrics)
        print(f"epoch {epoch + 1}/{self.epochs} {numbers} {left} left")

    def on_train_end(self, logs=None):
        """Print what the method and the regularisers say of the training."""
        for line in summaries(self.model):
            print(line)

    def _shown(self, logs: dict | None) -> dict:
        return {k: v for k, v in (logs or {}).items() if k in self.names}


class LiveLine(keras.callbacks.Callback):
    """Callback that shows a whole training in one line, with the time left.

    Use it in a `with` statement, which ends the line on errors, too. Where the
    output is no terminal, the line is printed once, at the end.
    """

    def __init__(self, title: str):
        super().__init__()
        console = Console(highlight=False, emoji=False)
        if not console.is_terminal:
            console = Console(highlight=False, emoji=False, width=COLUMNS)
        self.progress = Progress(
            TextColumn("{task.fields[title]}", markup=False),
            BarColumn(8),
            TextColumn("{task.fields[epoch]}", markup=False),
            TextColumn("{task.fields[numbers]}", markup=False),
            TimeRemainingColumn(compact=True, elapsed_when_finished=True),
            console=console,
            refresh_per_second=4,
        )
        self.task = self.progress.add_task(
            "", total=None, title=title, epoch="", numbers=""
        )

    def __enter__(self) -> "LiveLine":
        """Show the line."""
        self.progress.start()
        return self

    def __exit__(self, *error: object) -> None:
        """Leave the line as it is."""
        self.progress.stop()

    def on_epoch_begin(self, epoch, logs=None):
        """Show the epoch; the bar begins where a run is resumed."""
        steps, epochs = self.params["steps"], self.params["epochs"]
        self.before = epoch * steps + int(self.model.step)
        self.progress.update(
            self.task,
            total=epochs * steps,
            completed=self.before,
            epoch=f"{epoch + 1}/{epochs}",
        )

    def on_train_batch_end(self, batch, logs=None):
        """Move on."""
        self.progress.update(self.task, completed=self.before + batch + 1)

    def on_epoch_end(self, epoch, logs=None):
        """Show the numbers of the epoch."""
        self.progress.update(self.task, numbers=short(logs, count=3))

    def on_train_end(self, logs=None):
        """Print what the method and the regularisers say of the training."""
        for line in summaries(self.model):
            self.progress.console.print(line, markup=False)


@contextlib.contextmanager
def show_progress(
    title: str, one_line: bool
) -> Iterator[list[keras.callbacks.Callback]]:
    """Give the callback that shows a run in one line, if one is wanted.

    It is on terminals, and elsewhere with `one_line`.
    """
    if is_chief() and (one_line or sys.stdout.isatty()):
        with LiveLine(title) as line:
            yield [line]
    else:
        yield []
