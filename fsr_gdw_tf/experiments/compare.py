"""Train several methods on the same data, and tabulate their results."""

from collections.abc import Iterable, Sequence

from fsr_gdw_tf.data import data_adapter
from fsr_gdw_tf.distribution.hosts import is_chief, print_on_chief
from fsr_gdw_tf.errors import Diverged, StageFailed
from fsr_gdw_tf.experiments import automatic, gin_config, staged_run
from fsr_gdw_tf.experiments.experiment import Experiment
from fsr_gdw_tf.io.console import print_table
from fsr_gdw_tf.io.files import write_csv
from fsr_gdw_tf.io.run_folder import RunFolder
from fsr_gdw_tf.label_report.build import print_page

COLUMNS = (
    "method",
    "test_accuracy_last",
    "test_accuracy_last5",
    "test_accuracy_best",
    "balanced_accuracy",
    "step_time_ratio",
)
TITLES = ("method", "last", "mean of last 5", "best", "balanced", "time")


def compare(
    folder: RunFolder,
    files: Sequence[str],
    params: Sequence[str],
    command: Sequence[str] = (),
    allow_imports: bool = False,
) -> list[dict]:
    """Train each method of COMPARE in a subfolder; write comparison.csv.

    `gin/methods/<name>.gin` is parsed after the run's files, and `params` after
    that. Step times are relative to those of the first method.

    allow_imports: see `gin_config.parse`.
    """
    with folder.open(gin_config.config_string()):
        names = gin_config.value("COMPARE")
        recipes = {n: [*files, f"gin/methods/{n}.gin"] for n in names}
        check_recipes(recipes.values(), params, allow_imports)
        rows, first_seconds = [], None
        for name, recipe in recipes.items():
            gin_config.parse(recipe, params, allow_imports)
            automatic.apply_choices(RunFolder(folder / name), quiet=True)
            result = _train(RunFolder(folder / name), command)
            first_seconds = first_seconds or result.get("step_seconds")
            rows.append({"method": name, **_row(result, first_seconds)})
            write_csv(folder / "comparison.csv", rows, COLUMNS)
    if is_chief():
        _print_rows(rows)
        _print_report(folder, rows)
    return rows


def _print_rows(rows: list[dict]) -> None:
    """Print the table of the methods."""
    titled = [
        {title: row.get(k) for title, k in zip(TITLES, COLUMNS, strict=True)}
        for row in rows
    ]
    title = f"Test accuracy; time of a step, {rows[0]['method']} = 1"
    print_table(title, titled, ".3f")


def _print_report(folder: RunFolder, rows: list[dict]) -> None:
    """Print where the label report of the most accurate method is."""
    reported = [r for r in rows if RunFolder(folder / r["method"]).reported]
    ranked = [r for r in reported if "test_accuracy_last5" in r]
    if ranked:
        best = max(ranked, key=lambda row: row["test_accuracy_last5"])
        print_page(RunFolder(folder / best["method"]))


def _train(folder: RunFolder, command: Sequence[str]) -> dict:
    """Return the summary of a run of the parsed recipe; {} if it fails.

    That is when it diverges, or a stage has nothing to train on.
    """
    try:
        return staged_run.train(folder, command, one_line=True)
    except (Diverged, StageFailed) as error:
        print_on_chief(f"{folder.path}: {error}")
        return {}


def _row(result: dict, first_seconds: float | None) -> dict:
    """Return the columns of a row of comparison.csv, none after failure."""
    if not result:
        return {}
    ratio = round(result["step_seconds"] / first_seconds, 3)
    numbers = {k: round(result[k], 4) for k in COLUMNS[1:-1]}
    return {**numbers, "step_time_ratio": ratio}


def check_recipes(
    recipes: Iterable[Sequence[str]],
    params: Sequence[str],
    allow_imports: bool = False,
) -> None:
    """Raise, before any training, if a recipe is invalid for the data."""
    splits = None
    for recipe in recipes:
        gin_config.parse(recipe, params, allow_imports)
        automatic.apply_choices(quiet=splits is not None)
        experiment = gin_config.instantiate(Experiment)
        splits, classifier = experiment.prepare(splits)
        data_adapter.require_meta(classifier.method, splits.meta is not None)
        classifier.setup(splits.training, experiment.pipeline)
        staged_run.check(experiment, splits)
