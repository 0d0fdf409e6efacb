"""The whole cost table: methods, scopes and networks, and where a step's time
goes.

    python benchmarks/all_costs.py --csv=cost.csv --figure=cost.svg
    python benchmarks/all_costs.py --csv=cost.csv --figure=cost.svg --draw

Each of TABLES is a run of `python benchmarks/step_cost.py`. Its rows are
written when it has ended, in place of those that the CSV had of its network;
other rows stay, so that tables can be measured one by one (--tables). What they
were measured with stands in a JSON file beside the CSV. --phases is where the
shares of a step's phases go (see phases.py), if they are wanted.

--figure: FSR's Figure 4, left, with our numbers. --frontier: accuracy, from the
CSV of accuracy.py, against the time of a step. --draw draws what was measured
before.
"""

import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import cost_figures
import tensorflow as tf
from absl import app, flags
from accuracy_runs import read, summary, texts, threads

from fsr_gdw_tf.command_line import exit_with_error, parse_flags
from fsr_gdw_tf.errors import InvalidInput, suggest_names
from fsr_gdw_tf.experiments import run_info
from fsr_gdw_tf.io.files import write_csv, write_json


class Table(NamedTuple):
    """What is measured together, in one process, in turns."""

    size: int
    batch: int
    meta_batch: int
    reward_batch: int
    examples: int
    rounds: int
    methods: list[str]


MAIN = ["supervised", "keras", "mwnet", "gdw", "gdw:now", "gdw:head"]
MAIN += ["l2rw", "fsr", "fsr:raw", "fsr:bank"]
# Of `gdw`, 100 meta examples are those of the table.
MORE = ["gdw:now:every4", "gdw:meta25", "gdw:meta50", "gdw:meta200"]
MORE += ["mwnet:now", "mwnet:head", "l2rw:now", "l2rw:head"]
MORE += ["gdw:dictionary:head", "gdw:dictionary:joint:extras:head"]
MORE += ["fsr:raw:bank", "fsr:joint"]
MORE += ["supervised:extras", "mixup", "remix", "relabel", "elr"]
MORE += ["focal", "classbalanced", "gce", "forwardcorrection", "glc"]
MORE += ["coteaching", "mentornet", "crust", "d2l", "pencil", "finetune"]
MORE += ["softlabel", "genlabel", "insw"]
# The last two of the three stages of ResNet-32, and the last one; the hidden
# layer of the tiny CNN, and its last convolution as well.
SCOPES = ["gdw:conv2d_11", "gdw:conv2d_21"]
OF_TINY = ["gdw:conv2d_2", "gdw:dense", "fsr:joint:dense", "fsr:joint:all"]
TABLES = {
    # As in gin/cifar10_small.gin, for the accuracy table.
    "tiny_cnn": Table(32, 100, 100, 100, 2000, 60, [*MAIN, *OF_TINY, *MORE]),
    "small_cnn": Table(32, 100, 100, 200, 2000, 20, MAIN),
    "resnet32": Table(32, 100, 100, 200, 2000, 20, [*MAIN, *SCOPES, *MORE]),
    "wrn_28_2": Table(32, 100, 100, 200, 2000, 10, MAIN),
    "resnet50": Table(224, 8, 8, 10, 20, 5, MAIN),
}
PHASES_OF = "resnet32"
PHASES = ["supervised", "mwnet", "gdw", "gdw:now", "gdw:head", "fsr"]
PHASES += ["fsr:bank"]
SETTING, SMALL = "uniform 40 %", "tiny_cnn"  # of the frontier
COLUMNS = ["network", "batch", "meta_batch", "method", "scope", "time_ratio"]
COLUMNS += ["memory_ratio", "time_per_step_s"]
ROOT = Path(__file__).parent.parent

FLAGS = flags.FLAGS
flags.DEFINE_string("csv", "cost.csv", "Where the table goes, or is.")
flags.DEFINE_string("phases", None, "Where the shares of the phases go.")
flags.DEFINE_string("figure", None, "Where the figure of costs goes.")
flags.DEFINE_string("frontier", None, "Where that of accuracy and cost goes.")
flags.DEFINE_string("accuracy_csv", None, "What accuracy.py has written.")
flags.DEFINE_list("tables", list(TABLES), "Some of the tables.")
flags.DEFINE_integer("rounds", None, "Steps of each; the table's own if None.")
flags.DEFINE_bool("draw", False, "Measure nothing.")


def command_of(network: str, program: list[str], specs: list[str]) -> list[str]:
    """What a person would type, but for where the CSV goes."""
    sizes = TABLES[network]._asdict()
    del sizes["methods"]
    if FLAGS.rounds is not None:
        sizes["rounds"] = FLAGS.rounds
    return [
        *("python", *program, f"--network={network}"),
        f"--methods={','.join(specs)}",
        *(f"--{name}={value}" for name, value in sizes.items()),
    ]


def run(command: list[str]) -> list[dict]:
    """The rows of a table, made in a process of its own; none if it failed."""
    print(*command, flush=True)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "table.csv")
        command = [sys.executable, *command[1:], f"--csv={path}"]
        ended = subprocess.run(command, check=False, cwd=ROOT)
        return texts(path, ()) if ended.returncode == 0 else []


def measure(here: dict) -> list[str]:
    """All tables, each written as it ends; those that have failed."""
    failed, path = [], Path(FLAGS.csv)
    for network in FLAGS.tables:
        program = ["benchmarks/step_cost.py"]
        command = command_of(network, program, TABLES[network].methods)
        if rows := run(command):
            add(path, network, rows)
            note(path, network, {"command": command, **here})
        else:
            failed.append(network)
    if FLAGS.phases:
        path = Path(FLAGS.phases)
        command = command_of(PHASES_OF, ["benchmarks/phases.py"], PHASES)
        if rows := run(command):
            write_csv(path, rows)
            note(path, PHASES_OF, {"command": command, **here})
        else:
            failed.append("phases")
    return failed


def add(path: Path, network: str, rows: list[dict]) -> None:
    """Write a table in place of what the CSV had of its network."""
    kept = texts(path, COLUMNS) if path.is_file() else []
    rows = [*rows, *(row for row in kept if row["network"] != network)]
    order = {name: i for i, name in enumerate(TABLES)}
    rows.sort(key=lambda row: order.get(row["network"], len(order)))
    write_csv(path, rows, COLUMNS)


def note(path: Path, network: str, about: dict) -> None:
    """What a table was measured with, beside it."""
    path = path.with_suffix(".json")
    known = json.loads(path.read_text()) if path.is_file() else {}
    write_json(path, known | {network: about})


def machine() -> dict:
    """What all is measured with; TensorFlow's 0 is as many as it likes."""
    threading = tf.config.threading
    return {
        "cpu": cpu(),
        "threads": threads(),
        "intra_op_threads": threading.get_intra_op_parallelism_threads(),
        "inter_op_threads": threading.get_inter_op_parallelism_threads(),
        "versions": run_info.versions(),
    }


def cpu() -> str:
    """What it calls itself."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    models = [line for line in lines if line.startswith("model name")]
    return models[0].partition(":")[2].strip() if models else platform.machine()


def check() -> None:
    """Refuse what cannot be done, before hours are spent."""
    for name in FLAGS.tables:
        if name not in TABLES:
            raise InvalidInput(
                f"no table {name!r}: {suggest_names(name, TABLES)}"
            )
    if FLAGS.rounds is not None and FLAGS.rounds < 1:
        raise InvalidInput(f"--rounds is 1 or more, got {FLAGS.rounds}")
    if Path(FLAGS.csv).is_file() or FLAGS.draw:
        texts(Path(FLAGS.csv), COLUMNS)
    if FLAGS.frontier:
        if not FLAGS.accuracy_csv:
            raise InvalidInput(
                "--frontier needs --accuracy_csv, of accuracy.py"
            )
        read(Path(FLAGS.accuracy_csv))


def draw() -> None:
    """The figures that are wanted."""
    rows = texts(Path(FLAGS.csv), COLUMNS)
    if FLAGS.figure:
        cost_figures.save(cost_figures.costs(rows), FLAGS.figure)
        print(FLAGS.figure)
    if FLAGS.frontier:
        accuracies = {
            row["method"]: row["last5"]
            for row in summary(read(Path(FLAGS.accuracy_csv)))
            if row["setting"] == SETTING
        }
        known = cost_figures.points(rows, accuracies, SMALL)
        figure = cost_figures.frontier(known, f"CIFAR-10, small, {SETTING}")
        cost_figures.save(figure, FLAGS.frontier)
        print(FLAGS.frontier)


def main(argv: list[str]) -> None:
    """Measure, write, draw."""
    try:
        check()
        if not FLAGS.draw:
            here = machine()
            for name, value in here.items():
                print(f"{name}: {value}", flush=True)
            if failed := measure(here):
                raise InvalidInput(f"these tables failed: {', '.join(failed)}")
        draw()
    except InvalidInput as error:
        exit_with_error(error)


if __name__ == "__main__":
    app.run(main, flags_parser=parse_flags)
