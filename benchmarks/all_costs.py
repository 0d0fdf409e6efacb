"""Measure the whole cost table: methods, scopes, networks and phases.

    python benchmarks/all_costs.py --csv=cost.csv --figure=cost.svg
    python benchmarks/all_costs.py --csv=cost.csv --figure=cost.svg --draw

Each of TABLES (cost_tables.py) is a run of step_cost.py, for one network. When
it ends its rows replace those of that network in the CSV; other rows stay, so
that tables can be measured one by one (--tables), or some of their rows
(--methods), beside a step of plain training in the same process. A JSON file
beside the CSV has the command, the processor and the versions. --phases is the
CSV file for the shares of a step's phases (see phases.py).

--figure: FSR's Figure 4, left, with our numbers. --frontier: accuracy, from the
CSV of accuracy.py, against the time of a step. --draw draws them from existing
files and measures nothing.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import cost_figures
import tensorflow as tf
from absl import app, flags
from accuracy_runs import read_runs, summary
from cost_tables import PHASES, PHASES_OF, TABLES, merge
from environment import ROOT, cpu, threads
from result_tables import COST_COLUMNS, read_table

from fsr_gdw_tf.command_line import exit_with_error, parse_flags
from fsr_gdw_tf.errors import InvalidInput, suggest_names
from fsr_gdw_tf.experiments import run_info
from fsr_gdw_tf.io.files import write_csv, write_json

SETTING, SMALL = "uniform 40 %", "tiny_cnn"  # of the frontier
AS_TEXT = dict.fromkeys(COST_COLUMNS, str)  # to write it as it was

FLAGS = flags.FLAGS
flags.DEFINE_string("csv", "cost.csv", "CSV file to update, or to draw.")
flags.DEFINE_string("phases", None, "CSV file of the phases to write.")
flags.DEFINE_string("figure", None, "Figure of costs to draw.")
flags.DEFINE_string("frontier", None, "Figure of accuracy and cost to draw.")
flags.DEFINE_string("accuracy_csv", None, "CSV file of accuracy.py to read.")
flags.DEFINE_list("tables", list(TABLES), "Networks to measure.")
flags.DEFINE_list("methods", None, "Methods to measure; other rows stay.")
flags.DEFINE_integer("rounds", None, "Steps per method, instead of TABLES'.")
flags.DEFINE_bool("draw", False, "Only draw; measure nothing.")


def command_of(network: str, script: str, methods: list[str]) -> list[str]:
    """Return the command that measures a table, without its --csv."""
    sizes = TABLES[network]._asdict()
    del sizes["methods"]
    if FLAGS.rounds is not None:
        sizes["rounds"] = FLAGS.rounds
    return [
        *("python", script, f"--network={network}"),
        f"--methods={','.join(methods)}",
        *(f"--{name}={value}" for name, value in sizes.items()),
    ]


def run(command: list[str]) -> list[dict]:
    """Run a command; return the rows of its CSV, none if it failed."""
    print(*command, flush=True)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "table.csv")
        command = [sys.executable, *command[1:], f"--csv={path}"]
        process = subprocess.run(command, check=False, cwd=ROOT)
        return read_table(path, {}) if process.returncode == 0 else []


def measure(machine: dict) -> list[str]:
    """Measure all tables, writing each as it ends; return those that failed."""
    failed, path = [], Path(FLAGS.csv)
    for network in FLAGS.tables:
        methods = methods_of(network)
        if len(methods) == 1:
            continue  # none of --methods is in this table
        command = command_of(network, "benchmarks/step_cost.py", methods)
        if rows := run(command):
            replace_rows(path, rows)
            write_info(path, network, {"command": command, **machine})
        else:
            failed.append(network)
    if FLAGS.phases:
        path = Path(FLAGS.phases)
        command = command_of(PHASES_OF, "benchmarks/phases.py", PHASES)
        if rows := run(command):
            write_csv(path, rows)
            write_info(path, PHASES_OF, {"command": command, **machine})
        else:
            failed.append("phases")
    return failed


def methods_of(network: str) -> list[str]:
    """Return the methods to measure, plain training first."""
    unit, *others = TABLES[network].methods
    if FLAGS.methods:
        others = [method for method in others if method in FLAGS.methods]
    return [unit, *others]


def replace_rows(path: Path, rows: list[dict]) -> None:
    """Replace a network's rows in the CSV, or those of --methods alone."""
    old = read_table(path, AS_TEXT) if path.is_file() else []
    rows = merge(old, rows, bool(FLAGS.methods))
    write_csv(path, rows, list(COST_COLUMNS))


def write_info(path: Path, network: str, info: dict) -> None:
    """Write how a network's rows were measured, beside the CSV."""
    path = path.with_suffix(".json")
    old = json.loads(path.read_text()) if path.is_file() else {}
    if FLAGS.methods and network in old:
        later = [*old[network].get("measured_later", []), info]
        info = old[network] | {"measured_later": later}
    write_json(path, old | {network: info})


def describe_machine() -> dict:
    """Return processor, threads and versions.

    TensorFlow's 0 threads are as many as there are cores.
    """
    threading = tf.config.threading
    return {
        "cpu": cpu(),
        "threads": threads(),
        "intra_op_threads": threading.get_intra_op_parallelism_threads(),
        "inter_op_threads": threading.get_inter_op_parallelism_threads(),
        "versions": run_info.versions(),
    }


def check() -> None:
    """Raise for flags and files that cannot be used, before measuring."""
    for name in FLAGS.tables:
        if name not in TABLES:
            raise InvalidInput(
                f"no table {name!r}: {suggest_names(name, TABLES)}"
            )
    known = {m for name in FLAGS.tables for m in TABLES[name].methods[1:]}
    for method in FLAGS.methods or []:
        if method not in known:
            raise InvalidInput(
                f"no method {method!r} in the tables {FLAGS.tables}: "
                f"{suggest_names(method, known)}"
            )
    if FLAGS.rounds is not None and FLAGS.rounds < 1:
        raise InvalidInput(f"--rounds is 1 or more, got {FLAGS.rounds}")
    if Path(FLAGS.csv).is_file() or FLAGS.draw:
        read_table(Path(FLAGS.csv), COST_COLUMNS)
    if FLAGS.frontier:
        if not FLAGS.accuracy_csv:
            raise InvalidInput(
                "--frontier needs --accuracy_csv, of accuracy.py"
            )
        read_runs(Path(FLAGS.accuracy_csv))


def draw() -> None:
    """Draw the figures that the flags name."""
    rows = read_table(Path(FLAGS.csv), COST_COLUMNS)
    if FLAGS.figure:
        cost_figures.save(cost_figures.costs(rows), FLAGS.figure)
        print(FLAGS.figure)
    if FLAGS.frontier:
        accuracies = {
            row["method"]: row["last5"]
            for row in summary(read_runs(Path(FLAGS.accuracy_csv)))
            if row["setting"] == SETTING
        }
        points = cost_figures.points(rows, accuracies, SMALL)
        figure = cost_figures.frontier(points, f"CIFAR-10, small, {SETTING}")
        cost_figures.save(figure, FLAGS.frontier)
        print(FLAGS.frontier)


def main(argv: list[str]) -> None:
    """Measure, write and draw."""
    try:
        check()
        if not FLAGS.draw:
            machine = describe_machine()
            for name, value in machine.items():
                print(f"{name}: {value}", flush=True)
            if failed := measure(machine):
                raise InvalidInput(f"these tables failed: {', '.join(failed)}")
        draw()
    except InvalidInput as error:
        exit_with_error(error)


if __name__ == "__main__":
    app.run(main, flags_parser=parse_flags)
