"""Cells trained without TensorFlow end where `fit` does."""

import csv
import functools
import importlib.util
import json
import os
import shutil
import subprocess
import sys

import keras
import numpy as np
import pytest
from environment import ROOT
from full_scale import cells
from full_scale.batches import take_views
from support.fake_tfds import fake_cifar

from fsr_gdw_tf.experiments import gin_config
from fsr_gdw_tf.experiments.experiment import Experiment

RUN = ROOT / "benchmarks" / "full_scale" / "run.py"
SPEED = RUN.with_name("speed.py")
GDW, FSR = "gdw_uniform_40_gdw_seed0", "fsr_uniform_40_fsr_official_seed0"
OTHER_SEED = "gdw_uniform_40_gdw_seed1"
CELLS = [GDW, FSR, OTHER_SEED]
SMALL = [
    *("EPOCHS=3", "BATCH_SIZE=25", "META_PER_CLASS=2", "META_BATCH_SIZE=8"),
    *("DICTIONARY=20", "REWARD_BATCH=10", "FSR_WARMUP=1"),
    "LEARNING_RATE=0.03",
    *("ClassifierConfig.network=@small_cnn", "small_cnn.widths=[6]"),
]
needs_jax = pytest.mark.skipif(
    importlib.util.find_spec("jax") is None, reason="JAX is not installed"
)


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    """Return the folder of a data set by the name of CIFAR-10."""
    folder = tmp_path_factory.mktemp("tfds")
    fake_cifar(folder, classes=10, n=120)
    return folder


@pytest.fixture(scope="module")
def prepared(run_script, data_dir, tmp_path_factory):
    """Return the folder that `prepare.py` wrote; an epoch is two calls."""
    folder = tmp_path_factory.mktemp("prepared")
    ended = run_script(
        "full_scale.prepare",
        *(f"--data_dir={data_dir}", f"--prepared={folder}"),
        *(f"--cells={','.join(CELLS)}", f"--params={','.join(SMALL)}"),
        "--steps_per_call=2",
    )
    assert ended.returncode in (0, None), ended.stderr
    assert ended.stdout.split() == CELLS
    return folder


def entry(prepared, name: str) -> dict:
    """Return a cell's entry of cells.json."""
    entries = json.loads((prepared / "cells.json").read_text())
    return next(e for e in entries if e["name"] == name)


def training(prepared, name: str):
    """Return the driver of a cell, on the CPU."""
    os.environ["JAX_PLATFORMS"] = "cpu"
    from full_scale.training import Training
    from jax_programs import find_device

    return Training(prepared, entry(prepared, name), find_device())


def experiment_of(name: str, data_dir) -> Experiment:
    """Return a cell as `python -m fsr_gdw_tf.main` would train it."""
    cell = next(c for c in cells.all_cells() if c.name == name)
    own = ["JIT_COMPILE=True", f'DATA_DIR="{data_dir}"']
    gin_config.parse(cell.gin_files, [*cell.gin_params, *SMALL, *own])
    keras.utils.clear_session(free_memory=False)
    return gin_config.instantiate(Experiment)


class States(keras.callbacks.Callback):
    """The state after each epoch."""

    def __init__(self):
        super().__init__()
        self.states = []

    def on_epoch_end(self, epoch, logs=None):
        named = {v.value.name: v.numpy() for v in self.model.state}
        named = {k.removesuffix(":0"): x for k, x in named.items()}
        self.states.append(named)


def fitted(name: str, data_dir):
    """Return (states, logs) of each epoch of `fit`, and the splits."""
    experiment = experiment_of(name, data_dir)
    splits, classifier = experiment.prepare()
    states = States()
    history = classifier.fit(
        splits.train,
        meta=splits.meta if classifier.method.uses_meta else None,
        pipeline=experiment.pipeline,
        epochs=experiment.epochs,
        validation_data=splits.test,
        callbacks=[states],
        verbose=0,
    )
    return states.states, history.history


@pytest.fixture(scope="module")
def trained(prepared):
    """Return each cell's driver after all epochs, its rows, its first state."""

    @functools.cache
    def train(name: str):
        driver = training(prepared, name)
        rows = [driver.run_epoch()]
        first = {key: np.array(x) for key, x in driver.state.items()}
        rows += [driver.run_epoch() for _ in range(2)]
        return driver, rows, first

    return train


@needs_jax
@pytest.mark.slow
@pytest.mark.parametrize("name", [GDW, FSR])
def test_an_epoch_ends_where_fit_does(trained, data_dir, name):
    states, logs = fitted(name, data_dir)
    _, rows, first = trained(name)
    row = rows[0]
    for key in set(row) & set(logs):
        assert row[key] == pytest.approx(logs[key][0], abs=1e-3), key
    compared = set(first) & set(states[0]) - {"step", "epoch"}
    assert {"head/kernel", "conv2d/kernel"} < compared
    assert (name == FSR) == ({"dictionary/members", "ema_0"} < compared)
    for key in compared:
        found, expected = first[key], states[0][key]
        # XLA compiles a loop and a single step differently: gradients through
        # normalisation lose digits, and Adam's steps do not shrink with them.
        rounding = {"momentum": 1e-3, "weight_net": 1e-4}
        atol = max([1e-5, *(rounding[k] for k in rounding if k in key)])
        np.testing.assert_allclose(found, expected, 1e-5, atol, err_msg=key)
    # Later epochs differ by more: rounding grows.
    losses = [row["loss"] for row in rows]
    np.testing.assert_allclose(losses, logs["loss"], 1e-2)


def test_seeds_share_programs_and_settings_that_do_not_fit_are_told(
    prepared, run_script, data_dir, tmp_path
):
    one, other = (entry(prepared, name) for name in (GDW, OTHER_SEED))
    assert one["program"] == other["program"]
    assert one["values"] != other["values"]
    flags = [f"--data_dir={data_dir}", f"--prepared={tmp_path}"]
    flags += [f"--cells={GDW}", f"--params={','.join(SMALL)}"]
    ended = run_script("full_scale.prepare", *flags, "--steps_per_call=3")
    assert ended.returncode == 2
    message = "must divide those of an epoch, 4; got 3"
    assert message in ended.stderr.splitlines()[-1]


@needs_jax
@pytest.mark.slow
def test_batches_are_those_of_the_pipeline(trained, data_dir):
    driver, *_ = trained(GDW)
    experiment = experiment_of(GDW, data_dir)
    splits = experiment.data()
    pipeline = experiment.pipeline
    expected = pipeline.train(splits.train, 2, meta=splits.meta)
    expected = list(expected.as_numpy_iterator())
    found = [driver.batches_of(epoch) for epoch in range(2)]
    steps = len(found[0]["index"])
    assert len(expected) == 2 * steps == 8
    for i, batch in enumerate(expected):
        at = {k: x[i % steps] for k, x in found[i // steps].items()}
        np.testing.assert_array_equal(at["index"], batch["index"])
        for prefix in ("", "meta_"):
            inputs = take_views(
                driver.pixels, *(at[prefix + k] for k in ("row", "y", "x"))
            )
            np.testing.assert_array_equal(inputs, batch[f"{prefix}inputs"])
            label = batch[f"{prefix}label"].argmax(axis=1)
            np.testing.assert_array_equal(at[f"{prefix}label"], label)


@needs_jax
@pytest.mark.slow
def test_stopped_cells_resume_and_a_failing_one_stops_no_other(
    prepared, trained, run_script, tmp_path
):
    copy, results = tmp_path / "prepared", tmp_path / "results"
    shutil.copytree(prepared, copy)
    values = entry(copy, OTHER_SEED)["values"]
    (copy / "values" / f"{values}.npz").write_bytes(b"")
    # The failing cell comes first.
    entries = [entry(copy, name) for name in (OTHER_SEED, FSR)]
    (copy / "cells.json").write_text(json.dumps(entries))
    flags = [f"--prepared={copy}", f"--results={results}"]
    for epochs_flag, done in (("--epochs=1", 1), ("--minutes=9", 3)):
        ended = run(*flags, epochs_flag)
        assert ended.returncode == 2
        log = results / OTHER_SEED / "log.txt"
        assert ended.stderr == f"error: these cells failed: {log}\n"
        assert f"ended: {FSR}, {done} epochs done" in ended.stdout
    rows = list(csv.DictReader((results / FSR / "rows.csv").open()))
    driver, undisturbed, _ = trained(FSR)
    for row, expected in zip(rows, undisturbed, strict=True):
        values = {k: float(v) for k, v in row.items() if k != "seconds"}
        assert values == {k: expected[k] for k in values}
    with np.load(results / FSR / "state.npz") as state:
        assert state["epochs_done"] == 3
        for key, expected in driver.state.items():
            np.testing.assert_array_equal(state[key], np.asarray(expected))
    check_collected(run_script, results, undisturbed)


def check_collected(run_script, results, rows: list[dict]) -> None:
    """The table has the finished cell, once its settings are the recipe's."""
    table = results / "full_scale.csv"
    flags = f"--results={results}", f"--csv={table}"
    ended = run_script("full_scale.collect", *flags)
    assert ended.returncode == 2 and "--params=EPOCHS=3," in ended.stderr
    file = results / FSR / "result.json"
    result = json.loads(file.read_text()) | {"params": []}
    file.write_text(json.dumps(result))
    ended = run_script("full_scale.collect", *flags)
    assert ended.returncode in (0, None), ended.stderr
    (row,) = csv.DictReader(table.open())
    assert (row["method"], row["epochs"]) == ("fsr_official", "3")
    last5 = np.mean([x["val_accuracy"] for x in rows])
    assert float(row["last5"]) == pytest.approx(last5, abs=1e-4)
    assert row["device"] == "cpu" and row["runtime"].startswith("jax ")


@needs_jax
def test_results_of_another_cell_are_not_resumed(prepared, tmp_path):
    folder = tmp_path / GDW
    folder.mkdir()
    other = entry(prepared, GDW) | {"epochs": 9}
    (folder / "cell.json").write_text(json.dumps(other))
    ended = run(
        f"--prepared={prepared}", f"--results={tmp_path}", f"--cell={GDW}"
    )
    assert ended.returncode == 2
    assert f"{folder} has epochs 9, the prepared cell has 3" in ended.stderr


@needs_jax
@pytest.mark.slow
def test_the_program_of_an_epoch_is_timed(prepared, tmp_path):
    """The first cell of gdw is; there is none of supervised."""
    table = tmp_path / "speed.csv"
    flags = f"--prepared={prepared}", "--calls=1", f"--csv={table}"
    ended = run(*flags, script=SPEED)
    assert ended.returncode == 0, ended.stderr
    (row,) = csv.DictReader(table.open())
    assert row["what"] == "epoch program: gdw"
    assert row["network"] == "set by --params"
    assert (row["batch"], row["meta_batch"]) == ("25", "8")
    assert (row["device"], row["time_ratio"]) == ("cpu", "")
    assert float(row["ms_per_step"]) > 0 and row["runtime"].startswith("jax ")


def test_a_truncated_pack_is_refused(prepared, tmp_path):
    shutil.copytree(prepared, tmp_path / "prepared")
    part = tmp_path / "prepared" / "images" / "part_0.bin"
    data = part.read_bytes()
    part.write_bytes(data[:-1])
    ended = run(f"--prepared={tmp_path / 'prepared'}")
    assert ended.returncode == 2 and not ended.stdout
    assert ended.stderr == (
        f"error: {part} is incomplete: expected {len(data)} bytes, got "
        f"{len(data) - 1}; copy it again\n"
    )


def test_a_folder_without_cells_is_an_error(tmp_path):
    ended = run(f"--prepared={tmp_path}")
    assert ended.returncode == 2 and ended.stderr.count("\n") == 1
    assert "expected cells.json, got none" in ended.stderr


def run(*flags: str, script=RUN):
    """Run the driver, or another script, in a process of its own."""
    return subprocess.run(
        [sys.executable, str(script), *flags],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "JAX_PLATFORMS": "cpu"},
    )
