"""Train what a recipe describes: one run, or the stages of a plan.

The folder of a plan holds one run folder for each stage, and `stages.csv`, a
row for each. Its summary is that of the last stage.
"""

import logging
import tempfile
from collections.abc import Generator, Sequence
from pathlib import Path

from fsr_gdw_tf.data import Splits
from fsr_gdw_tf.distribution.hosts import host, print_on_chief
from fsr_gdw_tf.errors import InvalidInput, StageFailed
from fsr_gdw_tf.experiments import gin_config, head_run
from fsr_gdw_tf.experiments.experiment import Experiment
from fsr_gdw_tf.io.files import read_csv, read_json, write_csv, write_json
from fsr_gdw_tf.io.run_folder import RunFolder
from fsr_gdw_tf.stages import Stage, StageInputs

TABLE = "stages.csv"


def train(
    folder: RunFolder, command: Sequence[str] = (), one_line: bool = False
) -> dict:
    """Train what was parsed, or resume it; return its summary.

    one_line: show one line of progress where a line per epoch is usual.
    """
    experiment = gin_config.instantiate(Experiment)
    if experiment.stages is not None:
        return _train_stages(experiment, folder, command)
    if experiment.head is not None:
        return head_run.train(experiment, folder, command)
    return experiment.train(folder, command, one_line)


def check(experiment: Experiment, splits: Splits) -> None:
    """Raise, before any training, if the first stage cannot be planned."""
    if experiment.stages is not None:
        with tempfile.TemporaryDirectory() as folder:
            next(experiment.stages(_inputs(experiment, folder, splits)))


def evaluate(folder: RunFolder, command: Sequence[str] = ()) -> dict:
    """Test what was trained, of several stages the last; return the metrics."""
    experiment = gin_config.instantiate(Experiment)
    if experiment.stages is not None:
        folder.check(gin_config.config_string())
        last = RunFolder(folder / _last_stage(folder))
        gin_config.parse_saved(last / "config.gin")
        return evaluate(last, command)
    if experiment.head is not None:
        return head_run.evaluate(experiment, folder)
    return experiment.evaluate(folder, command)


def _last_stage(folder: RunFolder) -> str:
    if not folder.done:
        raise InvalidInput(
            f"{folder.path} is not complete; run --mode=train first"
        )
    return str(read_csv(folder / TABLE)[-1]["stage"])


def _train_stages(
    experiment: Experiment, folder: RunFolder, command: Sequence[str]
) -> dict:
    """Train the stages of a plan one after the other."""
    if host().count > 1:
        raise InvalidInput(
            f"a recipe of several runs trains on one host, got {host().count}"
        )
    text = gin_config.config_string()
    with folder.open(text):
        if folder.done:
            folder.print_done()
            return folder.summary()
        with folder.failure_recorded():
            with experiment.devices.scope():
                splits = experiment.data()
            plan = experiment.stages(_inputs(experiment, folder.path, splits))
            rows = _run_plan(plan, folder, command, text)
        results = RunFolder(folder / rows[-1]["stage"]).summary()
        # The time of all stages, comparable to the step of a single run.
        steps = _steps(experiment, len(splits.training))
        results["step_seconds"] = sum(row["seconds"] for row in rows) / steps
        write_json(folder / "DONE", results)
        return results


def _inputs(
    experiment: Experiment, folder: str | Path, splits: Splits
) -> StageInputs:
    return StageInputs(
        RunFolder(folder),
        splits,
        experiment.test_pipeline,
        experiment.epochs,
        experiment.seed,
    )


def _run_plan(
    plan: Generator[Stage, RunFolder, None],
    folder: RunFolder,
    command: Sequence[str],
    text: str,
) -> list[dict]:
    """Run the stages; return the rows of stages.csv."""
    rows, done = [], None
    tf_logger = logging.getLogger("tensorflow")
    tf_logger.addFilter(_is_no_trace_count)
    try:
        while stage := _next(plan, done):
            print_on_chief(f"-- {stage.name}")
            done = RunFolder(folder / stage.name)
            rows.append(_run_stage(stage, done, command, text))
            write_csv(folder / TABLE, rows)
    except InvalidInput as error:
        if not rows:
            raise
        last = rows[-1]["stage"]
        raise StageFailed(f"after the stage {last}: {error}") from error
    finally:
        tf_logger.removeFilter(_is_no_trace_count)
    return rows


def _is_no_trace_count(record: logging.LogRecord) -> bool:
    """Return False for warnings of many traces: each stage has its own."""
    return "retracing" not in record.getMessage()


def _run_stage(
    stage: Stage, folder: RunFolder, command: Sequence[str], text: str
) -> dict:
    """Train a stage of the configuration; return its row of stages.csv."""
    gin_config.parse_text(text, ("Experiment.stages=None", *stage.params))
    try:
        return {"stage": stage.name, **_row(folder, train(folder, command))}
    finally:
        gin_config.parse_text(text)


def _next(plan: Generator, done: RunFolder | None) -> Stage | None:
    """Return the next stage of a plan, None after the last."""
    try:
        return plan.send(done)
    except StopIteration:
        return None


def _row(folder: RunFolder, results: dict) -> dict:
    """Return a row of stages.csv, with the seconds of training steps alone."""
    experiment = gin_config.instantiate(Experiment)
    n_train = read_json(folder / "run.json")["data"]["train"]
    fits_head = experiment.head is not None
    steps = 1 if fits_head else _steps(experiment, n_train)
    return {
        "train_examples": n_train,
        "epochs": 0 if fits_head else experiment.epochs,
        "seconds": round(results["step_seconds"] * steps, 3),
        "test_accuracy_last": round(results["test_accuracy_last"], 4),
        "test_accuracy_best": round(results["test_accuracy_best"], 4),
    }


def _steps(experiment: Experiment, n_train: int) -> int:
    """Return the steps of a run on so many examples."""
    return experiment.epochs * max(n_train // experiment.pipeline.batch_size, 1)
