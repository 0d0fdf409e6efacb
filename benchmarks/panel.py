"""Measure whether a method ever harms: many data sets, against plain training.

    python benchmarks/panel.py --data_dir=tfds --minutes=40
    python benchmarks/panel.py --report

A run is a setting (panel_settings.py), a method (see recipes.py, and `oracle`:
plain training on the examples with right labels alone) and a seed. Finished
runs are skipped and interrupted ones resumed, so the command can be repeated
until the table is complete; no run starts after --minutes. Runs have a thread
each, --processes at a time. One run: name its setting, method and seed. Methods
that average inputs (MixUp) fail on text, and the report says that they lack it.

`--validate` tests on training examples that no run trains on: methods and
constants are chosen on those, and on the settings of --half=choosing alone. The
other half gives the verdict.

The CSV has a row for each run: accuracy as in accuracy.py (last5, best), the
mean and the smallest recall of the classes after the last epoch (balanced,
worst_class), and the AUROC of the label scores for the wrong labels (auroc; it
is empty without wrong labels). `--report` prints for each method the mean gain
over plain training, its worst loss, and in how many settings it loses more than
half a point.
"""

import json
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import panel_report
import recipes
import sweep
from absl import app, flags
from panel_settings import CHOOSING, PANEL, VERDICT
from result_tables import optional_float
from run_pool import ONE_THREAD

from fsr_gdw_tf.command_line import exit_with_error, parse_flags
from fsr_gdw_tf.errors import InvalidInput
from fsr_gdw_tf.io.console import print_table
from fsr_gdw_tf.io.run_folder import RunFolder

METHODS = [sweep.PLAIN, sweep.ORACLE, *recipes.NAMES[1:]]
MEASURED = ("last5", "best", "balanced", "worst_class", "auroc")
COLUMNS = {
    **{"setting": str, "method": str, "seed": int},
    **dict.fromkeys(MEASURED[:-1], float),
    "auroc": optional_float,
    **{"commit": str, "threads": int},
}
# Then a new process starts, so that memory does not grow without end.
RUNS_PER_PROCESS = 20

FLAGS = flags.FLAGS
flags.DEFINE_list("settings", None, "Names in panel_settings.PANEL; or --half.")
flags.DEFINE_enum("half", None, [CHOOSING, VERDICT], "Settings; default all.")
flags.DEFINE_list("methods", METHODS, "Methods as in recipes.py, and oracle.")
flags.DEFINE_integer("processes", 2, "Runs at a time.", lower_bound=1)
flags.DEFINE_float("minutes", None, "After these no run starts; default never.")
flags.DEFINE_bool("report", False, "Only print what the table says.")
flags.DEFINE_enum("column", "last5", MEASURED, "What the report compares.")
sweep.define_flags(run_dir=None, csv=None)


def measure(folder: RunFolder) -> dict[str, float | None]:
    """Return the numbers of a finished run."""
    done, evaluation = (
        json.loads((folder / name).read_text())
        for name in ("DONE", "evaluation.json")
    )
    report = folder / "report" / "report.json"
    scores = json.loads(report.read_text()) if report.is_file() else {}
    recalls = evaluation["per_class_accuracy"].values()
    values = {
        "last5": done["test_accuracy_last5"],
        "best": done["test_accuracy_best"],
        "balanced": sum(recalls) / len(recalls),
        "worst_class": min(recalls),
    }
    auroc = scores.get("auroc")
    row = {name: round(value, 4) for name, value in values.items()}
    return row | {"auroc": None if auroc is None else round(auroc, 4)}


def chosen_settings() -> list[str]:
    """Return the names of the settings that the flags ask for."""
    if FLAGS.settings and FLAGS.half:
        raise InvalidInput("--settings and --half exclude each other")
    if FLAGS.half:
        return panel_report.names_of(PANEL, FLAGS.half)
    return FLAGS.settings or list(PANEL)


def runs_of_flags() -> sweep.Sweep:
    """Return the runs that the flags ask for, with their default table."""
    name = "panel_validation" if FLAGS.validate else "panel"
    FLAGS.csv = FLAGS.csv or f"{name}.csv"
    FLAGS.run_dir = FLAGS.run_dir or f"runs/{name}"
    return sweep.Sweep(
        PANEL,
        chosen_settings(),
        FLAGS.methods,
        columns=COLUMNS,
        measure=measure,
        threads=1,
        launcher=(
            *("env", "PYTHONPATH=benchmarks"),
            *(f"{name}={value}" for name, value in ONE_THREAD.items()),
            *("python", "-m", "fsr_gdw_tf.main", "--allow_imports"),
        ),
    )


def print_report(rows: list[dict]) -> None:
    """Print gains and losses of both halves, then the whole table."""
    table = panel_report.Table(rows, FLAGS.column)
    for half in (CHOOSING, VERDICT):
        if gains := panel_report.summary(table, PANEL, half):
            title = f"{FLAGS.column}, points over plain training: {half}"
            print_table(title, gains, "+.2f")
        for line in panel_report.missing(table, PANEL, half):
            print(line)
    if values := panel_report.accuracies(table, PANEL):
        print_table(f"{FLAGS.column}, percent", values, ".1f")


def main(argv: list[str]) -> None:
    """Train the missing runs, or print what the table says."""
    try:
        runs = runs_of_flags()
        runs.check()
        if FLAGS.report and not (rows := runs.existing_rows()):
            raise InvalidInput(f"{FLAGS.csv} has no rows yet")
    except InvalidInput as error:
        exit_with_error(error)
    if FLAGS.report:
        print_report(rows)
        return
    if FLAGS.show:
        runs.show()
        return
    failed = runs.train(
        processes=FLAGS.processes,
        minutes=FLAGS.minutes,
        runs_per_process=RUNS_PER_PROCESS,
        variables=ONE_THREAD,
    )
    if rows := runs.write():
        print_report(rows)
    if failed:
        exit_with_error(InvalidInput(f"these runs failed: {', '.join(failed)}"))


if __name__ == "__main__":
    app.run(main, flags_parser=parse_flags)
