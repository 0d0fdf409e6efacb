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
import shlex
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import recipes
from absl import app, flags
from accuracy_runs import (
    COLUMNS,
    DEFAULT,
    SETTINGS,
    read_runs,
    summary,
    tested_on,
)
from environment import commit, threads

from fsr_gdw_tf.command_line import exit_with_error, parse_flags
from fsr_gdw_tf.errors import InvalidInput, suggest_names
from fsr_gdw_tf.experiments import run_info
from fsr_gdw_tf.io.console import print_table
from fsr_gdw_tf.io.files import write_csv, write_json
from fsr_gdw_tf.io.run_folder import RunFolder

HELD_OUT = [
    "tfds_images.train_split='train[:40000]'",
    "tfds_images.test_split='train[40000:]'",
]
IMAGES = {False: "test", True: "held-out training images"}
MEASURED = {
    "last5": "test_accuracy_last5",
    "best": "test_accuracy_best",
}

FLAGS = flags.FLAGS
flags.DEFINE_string("data_dir", None, "The folder that holds cifar10/.")
flags.DEFINE_string("run_dir", "runs/accuracy", "Folder of all runs.")
flags.DEFINE_string("csv", "accuracy.csv", "CSV file to write.")
flags.DEFINE_list("settings", DEFAULT, "Names in accuracy_runs.SETTINGS.")
flags.DEFINE_list("methods", recipes.NAMES, "Methods as in recipes.py.")
flags.DEFINE_list("seeds", ["0", "1", "2"], "Values of SEED.")
flags.DEFINE_list("params", [], "Gin bindings NAME=VALUE of every run.")
flags.DEFINE_bool("validate", False, "Test on held-out training images.")
flags.DEFINE_bool("show", False, "Only print the commands of missing runs.")


class Run(NamedTuple):
    """One training run of the table."""

    setting: str
    method: str
    seed: int

    @property
    def folder(self) -> RunFolder:
        """The run's folder below --run_dir."""
        root = Path(FLAGS.run_dir)
        names = map(recipes.folder_name, (self.setting, self.method))
        return RunFolder(root.joinpath(*names, str(self.seed)))

    @property
    def command(self) -> list[str]:
        """The command that trains this run alone."""
        recipe = recipes.parse(self.method)
        params = [*SETTINGS[self.setting], *recipe.bindings]
        params += [f"SEED={self.seed}", *FLAGS.params]
        params += HELD_OUT if FLAGS.validate else []
        if FLAGS.data_dir:
            params.append(f"DATA_DIR={FLAGS.data_dir!r}")
        return [
            *("python", "-m", "fsr_gdw_tf.main", "--mode=train"),
            "--gin_file=gin/cifar10_small.gin",
            f"--gin_file={recipe.file}",
            *(f"--gin_param={param}" for param in params),
            f"--run_dir={self.folder.path}",
        ]


def all_runs() -> list[Run]:
    """Return all runs, those of the first seed first."""
    return [
        Run(setting, method, int(seed))
        for seed in FLAGS.seeds
        for setting in FLAGS.settings
        for method in FLAGS.methods
    ]


def check() -> None:
    """Raise for flags and files that cannot give one table, before training."""
    for setting in FLAGS.settings:
        if setting not in SETTINGS:
            names = suggest_names(setting, SETTINGS)
            raise InvalidInput(f"no setting {setting!r}: {names}")
    for method in FLAGS.methods:
        recipes.load(recipes.parse(method))
    for seed in FLAGS.seeds:
        if not seed.isdecimal():
            raise InvalidInput(f"a seed is 0 or more, got {seed!r}")
    path = Path(FLAGS.csv)
    existing_rows(path)
    require_same_images(path, tested_on(path), "--csv")
    for folder in (run.folder for run in all_runs()):
        if folder.done and (command := read_info(folder).get("command")):
            held_out = f"--gin_param={HELD_OUT[1]}" in command
            require_same_images(folder.path, IMAGES[held_out], "--run_dir")


def require_same_images(path: Path, images: str | None, flag: str) -> None:
    """Reject a table or a run that was tested on other images."""
    expected = IMAGES[FLAGS.validate]
    if images not in (None, expected):
        raise InvalidInput(
            f"{path} was tested on {images}, this is on {expected}; choose "
            f"another {flag}"
        )


def read_info(folder: RunFolder) -> dict:
    """Return the contents of a run's run.json; empty without one."""
    path = folder / "run.json"
    return json.loads(path.read_text()) if path.is_file() else {}


def code_and_threads() -> dict:
    """Return the commit and the number of threads that a run would have now."""
    return {"commit": commit(), "threads": threads()}


def existing_rows(path: Path) -> list[dict]:
    """Return the rows of a table; none if there is no file."""
    return read_runs(path) if path.is_file() else []


def table() -> list[dict]:
    """Return the rows of the CSV, updated by the finished runs.

    A row whose numbers have not changed keeps its commit.
    """
    rows = {
        Run(*(row[name] for name in Run._fields)): row
        for row in existing_rows(Path(FLAGS.csv))
    }
    now = code_and_threads()
    for run in all_runs():
        if not run.folder.done:
            continue
        row = run._asdict() | accuracies(run.folder)
        if any(rows.get(run, {}).get(k) != v for k, v in row.items()):
            info = read_info(run.folder)
            made_by = {k: info.get(k) or value for k, value in now.items()}
            rows[run] = row | {**made_by, "commit": made_by["commit"][:10]}
    return sorted(rows.values(), key=position)


def position(row: dict) -> tuple:
    """Return the sort key of a row: settings in order, plain training first."""
    order = {setting: i for i, setting in enumerate(SETTINGS)}
    method = row["method"]
    setting = order.get(row["setting"], len(order))
    return setting, method != "supervised", method, row["seed"]


def accuracies(folder: RunFolder) -> dict[str, float]:
    """Return the accuracies of a finished run."""
    summary_of_run = json.loads((folder / "DONE").read_text())
    return {k: round(summary_of_run[name], 4) for k, name in MEASURED.items()}


def write(rows: list[dict]) -> None:
    """Write the table, and a JSON file on how it was made."""
    path = Path(FLAGS.csv)
    info = {
        "command": sys.argv,
        **code_and_threads(),
        "seeds": FLAGS.seeds,
        "tested on": IMAGES[FLAGS.validate],
        "versions": run_info.versions(),
    }
    write_json(path.with_suffix(".json"), info)
    write_csv(path, rows, list(COLUMNS))


def train(runs: list[Run]) -> list[str]:
    """Train runs one after another; return the logs of those that failed."""
    failed = []
    for i, run in enumerate(runs):
        print(f"== {i + 1} of {len(runs)}:", *run, flush=True)
        folder = run.folder
        folder.path.parent.mkdir(parents=True, exist_ok=True)
        log = folder.path.with_suffix(".log")
        with log.open("w") as out:
            command = [sys.executable, *run.command[1:]]
            process = subprocess.run(
                command, stdout=out, stderr=out, check=False
            )
        if process.returncode:
            failed.append(str(log))
            print(f"failed: {log}", flush=True)
        else:  # tables may be made later, by other code
            info = read_info(folder) | code_and_threads()
            write_json(folder / "run.json", info)
        if rows := table():
            write(rows)
    return failed


def main(argv: list[str]) -> None:
    """Train the missing runs; write the table after each of them."""
    try:
        check()
    except InvalidInput as error:
        exit_with_error(error)
    missing = [run for run in all_runs() if not run.folder.done]
    if FLAGS.show:
        for run in missing:
            print(shlex.join(run.command))
        return
    failed = train(missing)
    if rows := table():
        write(rows)
        print_table("Accuracy on CIFAR-10, small", summary(rows), ".3f")
    if failed:
        exit_with_error(InvalidInput(f"these runs failed: {', '.join(failed)}"))


if __name__ == "__main__":
    app.run(main, flags_parser=parse_flags)
