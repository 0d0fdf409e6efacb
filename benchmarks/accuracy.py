"""Measure how accurate each method is: one schedule, real CIFAR-10.

    python benchmarks/accuracy.py --data_dir=tfds --run_dir=runs/accuracy

A run is a setting (SETTINGS of accuracy_runs.py), a method (see recipes.py) and
a seed: gin/cifar10_small.gin, trained in a process and a folder of its own.
Finished runs are skipped and interrupted ones resumed, so the command can be
repeated until the table is complete. `--show` prints the commands of the runs
that are missing, and trains nothing. Settings whose name has a comma are
quoted: --settings='"uniform 40 %, no crops"'.

Accuracy is on the 10,000 test images: the mean of the last five epochs, and the
best epoch. The CSV has a row for each run; rows of runs that are not in
--run_dir stay, so that a table can be filled on several machines. What is
printed is mean and standard deviation over seeds. `--validate` tests on 10,000
training images that no run trains on: rates, warm-ups and defaults are chosen
on those.
"""

import json
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import recipes
import sweep
from absl import app, flags
from accuracy_runs import COLUMNS, DEFAULT, HELD_OUT, SETTINGS, summary
from environment import threads

from fsr_gdw_tf.command_line import exit_with_error, parse_flags
from fsr_gdw_tf.errors import InvalidInput
from fsr_gdw_tf.io.console import print_table
from fsr_gdw_tf.io.run_folder import RunFolder

MEASURED = {
    "last5": "test_accuracy_last5",
    "best": "test_accuracy_best",
}

FLAGS = flags.FLAGS
flags.DEFINE_list("settings", DEFAULT, "Names in accuracy_runs.SETTINGS.")
flags.DEFINE_list("methods", recipes.NAMES, "Methods as in recipes.py.")
sweep.define_flags(run_dir="runs/accuracy", csv="accuracy.csv")


def accuracies(folder: RunFolder) -> dict[str, float]:
    """Return the accuracies of a finished run."""
    summary_of_run = json.loads((folder / "DONE").read_text())
    return {k: round(summary_of_run[name], 4) for k, name in MEASURED.items()}


def runs_of_flags() -> sweep.Sweep:
    """Return the runs that the flags ask for."""
    settings = {
        name: sweep.Setting(
            ("gin/cifar10_small.gin",), tuple(bindings), HELD_OUT
        )
        for name, bindings in SETTINGS.items()
    }
    return sweep.Sweep(
        settings,
        FLAGS.settings,
        FLAGS.methods,
        columns=COLUMNS,
        measure=accuracies,
        threads=threads(),
    )


def main(argv: list[str]) -> None:
    """Train the missing runs; write the table after each of them."""
    runs = runs_of_flags()
    try:
        runs.check()
    except InvalidInput as error:
        exit_with_error(error)
    if FLAGS.show:
        runs.show()
        return
    failed = runs.train()
    if rows := runs.write():
        print_table("Accuracy on CIFAR-10, small", summary(rows), ".3f")
    if failed:
        exit_with_error(InvalidInput(f"these runs failed: {', '.join(failed)}"))


if __name__ == "__main__":
    app.run(main, flags_parser=parse_flags)
