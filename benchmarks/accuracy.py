"""Which method is how good: all of them under one schedule, on real CIFAR-10.

    python benchmarks/accuracy.py --data_dir=tfds --run_dir=runs/accuracy

A cell is a setting (SETTINGS), a method (a file in gin/methods/) and a seed: a
run of gin/cifar10_small.gin in a process and a folder of its own. Cells that
are finished are skipped, one that was interrupted goes on, so the command can
be repeated until the table is whole. `--show` only prints the commands, one for
each cell that is missing.

Accuracy on the 10,000 test images: mean of the last five epochs and the best
epoch, mean and standard deviation over seeds. `--validate` measures on 10,000
training images instead, which no run trains on: whatever is chosen (rates,
warm-ups, defaults) is chosen on those.
"""

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from absl import app, flags

from fsr_gdw_tf import provenance
from fsr_gdw_tf.errors import BadInput, choices
from fsr_gdw_tf.main import parse_flags, refuse
from fsr_gdw_tf.run_folder import RunFolder, show, write_csv, write_json

SETTINGS = {
    "uniform 40 %": ["NOISE=0.4"],
    "uniform 60 %": ["NOISE=0.6"],
    "flip 40 %": ["NOISE=0.4", "NOISE_KIND='flip'"],
    "long tail .01": ["NOISE=0.0", "MU=0.01"],
    "long tail .1 + uniform 40 %": ["NOISE=0.4", "MU=0.1"],
}
ROOT = Path(__file__).parent.parent
METHODS = sorted(
    (path.stem for path in ROOT.glob("gin/methods/*.gin")),
    key=lambda name: (name != "supervised", name),
)
HELD_OUT = [
    "tfds_images.train_split='train[:40000]'",
    "tfds_images.test_split='train[40000:]'",
]
COLUMNS = ["setting", "method", "seeds", "last5", "last5_std"]
COLUMNS += ["best", "best_std", "step_seconds"]

FLAGS = flags.FLAGS
flags.DEFINE_string("data_dir", None, "The folder that holds cifar10/.")
flags.DEFINE_string("csv", "accuracy.csv", "Where to write the table.")
flags.DEFINE_list("settings", list(SETTINGS), "Some of the settings.")
flags.DEFINE_list("methods", METHODS, "Names of files in gin/methods/.")
flags.DEFINE_list("seeds", ["0", "1", "2"], "Of everything.")
flags.DEFINE_list("params", [], "NAME=VALUE for every cell.")
flags.DEFINE_bool("validate", False, "Test on training images held out.")
flags.DEFINE_bool("show", False, "Print the missing cells' commands alone.")


def cells():
    """(setting, method, seed), the first seed of all of them first."""
    for seed in FLAGS.seeds:
        for setting in FLAGS.settings:
            for method in FLAGS.methods:
                yield setting, method, int(seed)


def folder_of(setting: str, method: str, seed: int) -> RunFolder:
    """Where the run of a cell lies."""
    words = "".join(c if c.isalnum() or c == "." else " " for c in setting)
    root = Path(FLAGS.run_dir or "runs/accuracy")
    return RunFolder(root / "_".join(words.split()) / method / str(seed))


def command_of(setting: str, method: str, seed: int) -> list[str]:
    """What a person would type to have this cell alone."""
    settings = [*SETTINGS[setting], f"SEED={seed}", *FLAGS.params]
    settings += HELD_OUT if FLAGS.validate else []
    if FLAGS.data_dir:
        settings.append(f"DATA_DIR={FLAGS.data_dir!r}")
    return [
        *("python", "-m", "fsr_gdw_tf.main", "--mode=train"),
        "--gin_file=gin/cifar10_small.gin",
        f"--gin_file=gin/methods/{method}.gin",
        *(f"--gin_param={setting}" for setting in settings),
        f"--run_dir={folder_of(setting, method, seed).path}",
    ]


def check() -> None:
    """Refuse names that do not exist, before hours are spent."""
    for setting in FLAGS.settings:
        if setting not in SETTINGS:
            known = choices(setting, SETTINGS)
            raise BadInput(f"no setting {setting!r}: {known}")
    for method in FLAGS.methods:
        if method not in METHODS:
            raise BadInput(f"no method {method!r}: {choices(method, METHODS)}")
    for seed in FLAGS.seeds:
        if not seed.isdecimal():
            raise BadInput(f"a seed is 0 or more, got {seed!r}")


def table() -> list[dict]:
    """What is finished, a row for each setting and method."""
    rows = []
    for setting in FLAGS.settings:
        for method in FLAGS.methods:
            folders = [folder_of(setting, method, int(s)) for s in FLAGS.seeds]
            done = [
                json.loads((f / "DONE").read_text()) for f in folders if f.done
            ]
            if done:
                rows.append(row_of(setting, method, done))
    return rows


def row_of(setting: str, method: str, done: list[dict]) -> dict:
    """Means and standard deviations over seeds."""
    row = {"setting": setting, "method": method, "seeds": len(done)}
    for name in ("last5", "best"):
        values = np.array([d[f"test_accuracy_{name}"] for d in done])
        spread = values.std(ddof=1) if len(done) > 1 else 0.0
        row[name] = round(float(values.mean()), 4)
        row[f"{name}_std"] = round(float(spread), 4)
    seconds = np.median([d["step_seconds"] for d in done])
    return row | {"step_seconds": round(float(seconds), 4)}


def write(rows: list[dict]) -> None:
    """The table, and beside it what it was made with."""
    path = Path(FLAGS.csv)
    write_csv(path, rows, COLUMNS)
    about = {
        "command": sys.argv,
        "commit": commit(),
        "seeds": FLAGS.seeds,
        "tested on": "held-out training images" if FLAGS.validate else "test",
        "threads": os.cpu_count(),
        "versions": provenance.versions(),
    }
    write_json(path.with_suffix(".json"), about)


def commit() -> str:
    """The commit of the code that runs, if it is a checkout."""
    ended = subprocess.run(
        ["git", "-C", str(ROOT), "rev-parse", "HEAD"],
        capture_output=True,
        text=True,
        check=False,
    )
    return ended.stdout.strip()


def main(argv: list[str]) -> None:
    """Run what is missing; write the table after each cell."""
    try:
        check()
    except BadInput as error:
        refuse(error)
    missing = [cell for cell in cells() if not folder_of(*cell).done]
    if FLAGS.show:
        for cell in missing:
            print(shlex.join(command_of(*cell)))
        return
    failed = run(missing)
    if rows := table():
        write(rows)
        show("Accuracy on CIFAR-10, small", rows, ".3f")
    if failed:
        refuse(BadInput(f"these cells failed: {', '.join(failed)}"))


def run(missing: list[tuple]) -> list[str]:
    """Run cells one after another; the logs of those that failed."""
    failed = []
    for i, cell in enumerate(missing):
        print(f"== {i + 1} of {len(missing)}:", *cell, flush=True)
        path = folder_of(*cell).path
        path.parent.mkdir(parents=True, exist_ok=True)
        log = path.with_suffix(".log")
        with log.open("w") as out:
            command = [sys.executable, *command_of(*cell)[1:]]
            ended = subprocess.run(command, stdout=out, stderr=out, check=False)
        failed += [str(log)] if ended.returncode else []
        if rows := table():
            write(rows)
    return failed


if __name__ == "__main__":
    app.run(main, flags_parser=parse_flags)
