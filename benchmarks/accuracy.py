"""Which method is how good: all of them under one schedule, on real CIFAR-10.

    python benchmarks/accuracy.py --data_dir=tfds --run_dir=runs/accuracy

A cell is a setting (SETTINGS of accuracy_runs.py), a method (a file in
gin/methods/) and a seed: a run of gin/cifar10_small.gin in a process and a
folder of its own.
Cells that are finished are skipped, one that was interrupted goes on, so the
command can be repeated until the table is whole. `--show` only prints the
commands, one for each cell that is missing.

Methods that look ahead take words after colons: `now`, the meta gradient at the
weights of now; `every4`, in every fourth step; `meta50`, of 50 images; any
other word is a scope: `gdw:now:every4`, `gdw:head`. Settings whose name has a
comma stand in quotes: --settings='"uniform 40 %, no crops"'.

Accuracy on the 10,000 test images: mean of the last five epochs and the best
epoch. The CSV has a row for each cell. Rows of cells that are not in --run_dir
stay, so that a table can grow over several machines; what is printed is mean
and standard deviation over seeds. `--validate` measures on 10,000 training
images instead, which no run trains on: whatever is chosen (rates, warm-ups,
defaults) is chosen on those.
"""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from absl import app, flags
from accuracy_runs import (
    DEFAULT,
    KINDS,
    ROOT,
    SETTINGS,
    bindings,
    class_of,
    read,
    summary,
    tested_on,
    threads,
)

from fsr_gdw_tf import methods
from fsr_gdw_tf.command_line import exit_with_error, parse_flags
from fsr_gdw_tf.errors import InvalidInput, suggest_names
from fsr_gdw_tf.experiments import run_info
from fsr_gdw_tf.io.console import print_table
from fsr_gdw_tf.io.files import write_csv, write_json
from fsr_gdw_tf.io.run_folder import RunFolder

METHODS = sorted(
    (path.stem for path in ROOT.glob("gin/methods/*.gin")),
    key=lambda name: (name != "supervised", name),
)
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
flags.DEFINE_string("csv", "accuracy.csv", "Where to write the table.")
flags.DEFINE_list("settings", DEFAULT, "Some of the settings.")
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
    root = Path(FLAGS.run_dir or "runs/accuracy") / "_".join(words.split())
    return RunFolder(root / method.replace(":", "-") / str(seed))


def command_of(setting: str, method: str, seed: int) -> list[str]:
    """What a person would type to have this cell alone."""
    name, changes = parse(method)
    settings = [*SETTINGS[setting], *changes, f"SEED={seed}", *FLAGS.params]
    settings += HELD_OUT if FLAGS.validate else []
    if FLAGS.data_dir:
        settings.append(f"DATA_DIR={FLAGS.data_dir!r}")
    return [
        *("python", "-m", "fsr_gdw_tf.main", "--mode=train"),
        "--gin_file=gin/cifar10_small.gin",
        f"--gin_file=gin/methods/{name}.gin",
        *(f"--gin_param={setting}" for setting in settings),
        f"--run_dir={folder_of(setting, method, seed).path}",
    ]


def parse(spec: str) -> tuple[str, list[str]]:
    """The recipe of a name such as `gdw:now:every4`; what its words set."""
    name, *words = spec.split(":")
    if name not in METHODS:
        raise InvalidInput(
            f"no method {name!r}: {suggest_names(name, METHODS)}"
        )
    changes = [change(name, word) for word in words]
    for knob in (c.partition("=")[0] for c in changes):
        if sum(c.startswith(f"{knob}=") for c in changes) > 1:
            raise InvalidInput(f"{spec} sets {knob} twice")
    return name, changes


def change(name: str, word: str) -> str:
    """What a word after a method's name sets."""
    told, kind = bindings(name), class_of(name)
    owner = kind.__name__
    if not issubclass(kind, methods.MetaMethod):
        raise InvalidInput(f"{name} has no virtual step and so no {word!r}")
    if not re.fullmatch(r"\w+", word):
        raise InvalidInput(f"{name}:{word}: a word is letters, digits and _")
    if word == "now":
        return f"{owner}.ahead=False"
    if found := re.fullmatch(r"(every|meta)(\d+)", word):
        what, number = found[1], int(found[2])
        if not number:
            raise InvalidInput(f"{name}:{word}: the number is 1 or more")
        if what == "every":
            return f"{owner}.meta_every={number}"
        if told.get(f"{owner}.meta") == "@Dictionary()":
            raise InvalidInput(f"{name} has no meta batch and so no {word!r}")
        return f"META_BATCH_SIZE={number}"
    return f"{owner}.scope={word!r}"


def check() -> None:
    """Refuse what cannot become one table, before hours are spent."""
    for setting in FLAGS.settings:
        if setting not in SETTINGS:
            known = suggest_names(setting, SETTINGS)
            raise InvalidInput(f"no setting {setting!r}: {known}")
    for method in FLAGS.methods:
        parse(method)
    for seed in FLAGS.seeds:
        if not seed.isdecimal():
            raise InvalidInput(f"a seed is 0 or more, got {seed!r}")
    path = Path(FLAGS.csv)
    written(path)
    require_same(path, tested_on(path), "--csv")
    for folder in (folder_of(*cell) for cell in cells()):
        if folder.done and (command := noted(folder).get("command")):
            held_out = f"--gin_param={HELD_OUT[1]}" in command
            require_same(folder.path, IMAGES[held_out], "--run_dir")


def require_same(path: Path, images: str | None, flag: str) -> None:
    """Refuse a table or a run that was tested on other images."""
    wanted = IMAGES[FLAGS.validate]
    if images not in (None, wanted):
        raise InvalidInput(
            f"{path} was tested on {images}, this is on {wanted}; choose "
            f"another {flag}"
        )


def noted(folder: RunFolder) -> dict:
    """What a run has noted of itself."""
    about = folder / "run.json"
    return json.loads(about.read_text()) if about.is_file() else {}


def stamp(folder: RunFolder) -> None:
    """Note by which code a cell was run, for tables that are made later."""
    here = {"commit": commit(), "threads": threads()}
    write_json(folder / "run.json", noted(folder) | here)


def written(path: Path) -> list[dict]:
    """The rows of a table that may not have been begun."""
    return read(path) if path.is_file() else []


def table() -> list[dict]:
    """The rows of the CSV as it stands, and of the cells that are finished.

    A row whose run was not repeated keeps its commit.
    """
    known = ("setting", "method", "seed")
    rows = {tuple(r[k] for k in known): r for r in written(Path(FLAGS.csv))}
    here = {"commit": commit(), "threads": threads()}
    for cell in cells():
        folder = folder_of(*cell)
        if not folder.done:
            continue
        new = dict(zip(known, cell, strict=True)) | measured(folder)
        if any(rows.get(cell, {}).get(k) != v for k, v in new.items()):
            told = noted(folder)
            made = {k: told.get(k) or value for k, value in here.items()}
            rows[cell] = new | {**made, "commit": made["commit"][:10]}
    return sorted(rows.values(), key=place)


def place(row: dict) -> tuple:
    """Where a row stands in the accuracy table."""
    order = {setting: i for i, setting in enumerate(SETTINGS)}
    method = row["method"]
    setting = order.get(row["setting"], len(order))
    return setting, method != "supervised", method, row["seed"]


def measured(folder: RunFolder) -> dict[str, float]:
    """The numbers of a finished run."""
    done = json.loads((folder / "DONE").read_text())
    return {k: round(done[name], 4) for k, name in MEASURED.items()}


def write(rows: list[dict]) -> None:
    """The table, and beside it what it was made with."""
    path = Path(FLAGS.csv)
    about = {
        "command": sys.argv,
        "commit": commit(),
        "seeds": FLAGS.seeds,
        "tested on": IMAGES[FLAGS.validate],
        "threads": threads(),
        "versions": run_info.versions(),
    }
    write_json(path.with_suffix(".json"), about)
    write_csv(path, rows, list(KINDS))


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
    except InvalidInput as error:
        exit_with_error(error)
    missing = [cell for cell in cells() if not folder_of(*cell).done]
    if FLAGS.show:
        for cell in missing:
            print(shlex.join(command_of(*cell)))
        return
    failed = run(missing)
    if rows := table():
        write(rows)
        print_table("Accuracy on CIFAR-10, small", summary(rows), ".3f")
    if failed:
        exit_with_error(
            InvalidInput(f"these cells failed: {', '.join(failed)}")
        )


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
        if ended.returncode:
            failed.append(str(log))
            print(f"failed: {log}", flush=True)
        else:
            stamp(RunFolder(path))
        if rows := table():
            write(rows)
    return failed


if __name__ == "__main__":
    app.run(main, flags_parser=parse_flags)
