"""What `--dry_run` prints: what a run would train, and for how long.

Nothing is written. A few steps are trained in memory, because no table knows
the time of a step on this machine.
"""

import contextlib
import time
from collections.abc import Sequence

import keras
import numpy as np

from fsr_gdw_tf.callbacks.progress_bar import clock
from fsr_gdw_tf.classifier import Classifier
from fsr_gdw_tf.data import Splits
from fsr_gdw_tf.data.corruption import realised_rate
from fsr_gdw_tf.distribution.hosts import is_chief, print_on_chief
from fsr_gdw_tf.errors import InvalidInput
from fsr_gdw_tf.experiments import automatic, gin_config
from fsr_gdw_tf.experiments.experiment import Experiment
from fsr_gdw_tf.experiments.run_info import data_name
from fsr_gdw_tf.io.console import print_table
from fsr_gdw_tf.io.run_folder import RunFolder

STEPS = 8  # that are timed, after one that compiles
MODES = ("train", "compare")


class _Timed(Exception):  # noqa: N818  no error: enough steps were timed
    """Enough steps were timed."""


class TimeSteps(keras.callbacks.Callback):
    """Callback that times a few steps and ends the training.

    `seconds` is the time of a step; of a single one, which compiles, it is more
    than another would take.
    """

    def on_train_begin(self, logs=None):
        """Start the clock."""
        self.ends = [(-1, time.perf_counter())]

    def on_train_batch_end(self, batch, logs=None):
        """Take the time; stop after some steps."""
        self.ends.append((batch, time.perf_counter()))
        if batch >= STEPS and len(self.ends) > 2:
            raise _Timed

    def on_epoch_end(self, epoch, logs=None):
        """Stop at the end of a short epoch."""
        raise _Timed

    @property
    def seconds(self) -> float:
        """Return the mean time of a step, without the first call."""
        first, start = self.ends[1 if len(self.ends) > 2 else 0]
        last, end = self.ends[-1]
        return (end - start) / (last - first)


def dry_run(
    folder: RunFolder,
    files: Sequence[str],
    params: Sequence[str],
    allow_imports: bool,
    mode: str,
) -> None:
    """Print the data, and for each training its parts, steps and time."""
    if mode not in MODES:
        raise InvalidInput(
            f"--dry_run is for the modes {' and '.join(MODES)}, got {mode!r}; "
            "leave it out"
        )
    runs = [(folder, files)]
    if mode == "compare":
        folder.check(gin_config.config_string())
        runs = [
            (RunFolder(folder / name), [*files, f"gin/methods/{name}.gin"])
            for name in gin_config.value("COMPARE")
        ]
    rows, splits = [], None
    for run, recipe in runs:
        gin_config.parse(recipe, params, allow_imports)
        automatic.apply_choices(run, quiet=bool(rows))
        run.check(gin_config.config_string())
        experiment = gin_config.instantiate(Experiment)
        splits, classifier = experiment.prepare(splits)
        row = _row(experiment, splits, classifier)
        rows.append({"run": run.path.name, **row})
    if is_chief():
        _print(folder, data_facts(splits), rows)


def _print(folder: RunFolder, facts: str, rows: list[dict]) -> None:
    seconds = sum(row.pop("seconds") for row in rows)
    print_on_chief(facts)
    print_table("What would be trained", rows)
    print_on_chief(
        f"About {clock(seconds)} of training steps on this machine, and tests "
        f"after each epoch.\nNothing was written to {folder.path}"
    )


def data_facts(splits: Splits) -> str:
    """Return one sentence about the data."""
    train = splits.train
    facts = [
        f"{len(train):,} examples of {train.classes:,} classes",
        f"{len(splits.test):,} for tests",
    ]
    if splits.meta is not None:
        facts.append(f"{len(splits.meta):,} clean ones")
    wrong = realised_rate(train)
    if wrong is not None:
        facts.append(f"{wrong:.1%} of the labels wrong")
    return f"{data_name()}: {', '.join(facts)}"


def _row(
    experiment: Experiment, splits: Splits, classifier: Classifier
) -> dict:
    """Return a row of the table, with the seconds of all steps."""
    classifier.setup(splits.training, experiment.pipeline)
    steps = experiment.pipeline.steps(splits.training)
    second = _step_seconds(experiment, splits, classifier)
    seconds = second * steps * experiment.epochs
    parts = [type(part).__name__ for part in classifier.components]
    if experiment.stages is not None or experiment.head is not None:
        parts = ["several runs", "the time is that of one"]
    weights = sum(np.prod(v.shape) for v in classifier.network_variables)
    return {
        "method": " + ".join(parts),
        "weights": f"{int(weights):,}",
        "epochs x steps": f"{experiment.epochs:,} x {steps:,}",
        "ms a step": f"{1000 * second:.0f}",
        "time": clock(seconds),
        "seconds": seconds,
    }


def _step_seconds(
    experiment: Experiment, splits: Splits, classifier: Classifier
) -> float:
    """Return the time of a step of the last epoch, past all warm-ups."""
    timer = TimeSteps()
    with contextlib.suppress(_Timed):
        classifier.fit(
            splits.train,
            **experiment.fit_arguments(splits, classifier),
            initial_epoch=experiment.epochs - 1,
            callbacks=[timer],
            verbose=0,
        )
    return timer.seconds
