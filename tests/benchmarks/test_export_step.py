"""An exported step gives the weights that TensorFlow's own step gives."""

import csv
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from absl import flags
from absl.testing import flagsaver
from support.forked import run_forked

ROOT = Path(__file__).parents[2]
EXPORT = ROOT / "benchmarks" / "export_step.py"
RUN = ROOT / "benchmarks" / "run_step.py"
SPEED = ROOT / "benchmarks" / "full_scale" / "speed.py"
METHODS = ["supervised", "gdw", "fsr"]
SMALL = {
    **{"network": "small_cnn", "size": 8, "batch": 10, "meta_batch": 5},
    **{"examples": 40, "reward_batch": 10},
}


def run(script: Path, *args):
    """Run a script in a process of its own, on the CPU."""
    return subprocess.run(
        [sys.executable, str(script), *map(str, args)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "JAX_PLATFORMS": "cpu"},
    )


@pytest.fixture(scope="module")
def export_step():
    """Return the script as a module, with flags of small sizes."""
    module = importlib.import_module("export_step")
    if not flags.FLAGS.is_parsed():
        flags.FLAGS(["export_step"])
    with flagsaver.flagsaver(**SMALL):
        yield module


@pytest.fixture(scope="module")
def prepared(export_step):
    """Return (classifier, batch) of each method, before the first step."""
    tf.keras.utils.set_random_seed(0)
    return {method: export_step.prepare(method) for method in METHODS}


@pytest.fixture(scope="module")
def folder(export_step, prepared, tmp_path_factory):
    """Return the folder of the exported steps."""
    folder = tmp_path_factory.mktemp("steps")
    for name, (classifier, batch) in prepared.items():
        export_step.export(classifier, batch, name, folder / name)
    return folder


@pytest.fixture(scope="module")
def truth(prepared, folder):
    """The state before and after two of TensorFlow's own steps, compiled too.

    Compiled, because XLA draws other random numbers. After the export, which
    must have left all as it was.
    """
    after = {}
    for name, (classifier, batch) in prepared.items():
        after[name, 0] = state(classifier)
        classifier.jit_compile = True
        classifier.make_train_function(force=True)
        pipeline = iter(tf.data.Dataset.from_tensors(batch).repeat())
        for step in (1, 2):
            classifier.train_function(pipeline)
            after[name, step] = state(classifier)
    return after


def state(classifier) -> dict[str, np.ndarray]:
    """Return copies of all variables that training depends on."""
    variables = [v.value for v in classifier.state]
    found = {v.name.removesuffix(":0"): v.numpy() for v in variables}
    assert len(found) == len(variables)
    return found


def manifest(folder: Path) -> dict:
    return json.loads((folder / "manifest.json").read_text())


def values(path: Path, info: dict) -> dict[str, np.ndarray]:
    """Return the arguments in a file, by name."""
    names = [argument["name"] for argument in info["arguments"]]
    with np.load(path) as stored:
        return {name: stored[str(i)] for i, name in enumerate(names)}


def test_values_and_manifest_are_the_state_before_the_first_step(
    prepared, folder
):
    for name, (_, batch) in prepared.items():
        info = manifest(folder / name)
        stored = values(folder / name / "values.npz", info)
        assert len(stored) == len(info["arguments"])
        for key, x in batch.items():
            np.testing.assert_array_equal(stored[key], x)
        assert stored["step"] == 0 and stored["steps"] == 0
        for argument in info["arguments"]:
            x = stored[argument["name"]]
            assert list(x.shape) == argument["shape"]
            assert x.dtype == argument["dtype"]
        assert ("meta_inputs" in batch) == (name == "gdw")


def test_what_trains_is_a_result_and_what_is_given_is_not(prepared, folder):
    for name, (classifier, batch) in prepared.items():
        info = manifest(folder / name)
        arguments = [argument["name"] for argument in info["arguments"]]
        plain = ["plain_loss"] if name != "supervised" else []
        shown = ["accuracy", "loss", *plain]
        outputs = info["outputs"]
        assert outputs[: len(shown)] == [{"name": metric} for metric in shown]
        changed = outputs[len(shown) :]
        for result in changed:
            assert arguments[result["updates"]] == result["name"]
        changed = {result["name"] for result in changed}
        weights = classifier.network_variables + classifier.batch_norm_stats
        assert {v.value.name.removesuffix(":0") for v in weights} <= changed
        assert not changed & {*batch, "steps", "epoch"}


@pytest.mark.slow
@pytest.mark.skipif(
    importlib.util.find_spec("jax") is None, reason="JAX is not installed"
)
def test_the_same_state_as_tensorflow_after_one_step_and_two(
    truth, folder, tmp_path
):
    for steps in (1, 2):
        ended = run(
            RUN,
            *(folder / name for name in METHODS),
            *("--warmup=0", "--steps=1", f"--rounds={steps}"),
            *(f"--save={tmp_path}", f"--csv={tmp_path / 'cost.csv'}"),
        )
        assert ended.returncode == 0, ended.stderr
        for name in METHODS:
            info = manifest(folder / name)
            found = values(tmp_path / f"{name}.npz", info)
            for key, expected in truth[name, steps].items():
                # What a step does not touch is no argument of it.
                value = found.get(key, truth[name, 0][key])
                np.testing.assert_allclose(
                    value, expected, 1e-5, 1e-5, err_msg=f"{name}: {key}"
                )
            other = truth[name, 3 - steps]["head/kernel"]
            assert (found["head/kernel"] != other).all()
    rows = list(csv.DictReader((tmp_path / "cost.csv").open()))
    assert [row["method"] for row in rows] == METHODS
    assert [row["scope"] for row in rows] == ["", "all", "head"]
    assert rows[0]["time_ratio"] == "1.0"


@pytest.mark.slow
@pytest.mark.skipif(
    importlib.util.find_spec("jax") is None, reason="JAX is not installed"
)
def test_steps_are_timed_where_pytorch_fails(folder, tmp_path, monkeypatch):
    (tmp_path / "torch.py").write_text("raise ImportError\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    table = tmp_path / "speed.csv"
    flags = ["--rounds=1", "--steps=2", "--notf32", f"--csv={table}"]
    ended = run(SPEED, folder, *flags)
    assert ended.returncode == 2
    assert ended.stderr == (
        "PyTorch at batch 10 failed: error: this needs PyTorch: pip install "
        "torch\nerror: these parts failed: PyTorch at batch 10\n"
    )
    rows = list(csv.DictReader(table.open()))
    names = ["exported step: supervised", "exported step: gdw"]
    assert [row["what"] for row in rows] == names
    for row in rows:
        assert row["network"] == "small_cnn, 8 pixels"
        assert (row["batch"], row["meta_batch"]) == ("10", "5")
        assert row["device"] == "cpu"
        assert row["time_ratio"] == row["tf32"] == ""
        assert float(row["ms_per_step"]) > 0


def test_large_arrays_stay_behind_and_others_like_them_are_drawn(
    export_step, prepared, tmp_path
):
    run_step = importlib.import_module("run_step")
    classifier, batch = prepared["gdw"]
    with flagsaver.flagsaver(draw_over=100):
        export_step.export(classifier, batch, "gdw", tmp_path)
    info = manifest(tmp_path)
    with np.load(tmp_path / "values.npz") as stored:
        kept = {int(place): stored[place] for place in stored}
    sizes = [int(np.prod(a["shape"])) for a in info["arguments"]]
    assert set(kept) == {i for i, n in enumerate(sizes) if n <= 100}
    drawn = {a["name"]: a for a in info["arguments"] if "drawn" in a}
    assert len(kept) + len(drawn) == len(sizes)
    for seed, name in enumerate(("inputs", "head/kernel")):
        x = run_step.draw(drawn[name], seed)
        mean, deviation = drawn[name]["drawn"]
        assert list(x.shape) == drawn[name]["shape"]
        assert x.dtype == drawn[name]["dtype"] and deviation > 0
        assert abs(x.mean() - mean) < 0.2 * deviation
        assert abs(x.std() - deviation) < 0.3 * deviation
    for bits in (32, 64):  # and nothing overflows
        info = {"shape": [200], "dtype": f"int{bits}", "drawn": [0.0, 1e30]}
        x = run_step.draw(info, 0)
        most = 2 ** (bits - 1)
        assert x.min() == -most and x.max() > 0.99 * most


def test_no_program_holds_a_copy(folder):
    """JAX's compiler for GPUs rejects them."""
    from tensorflow.compiler.xla.service import hlo_pb2

    for name in METHODS:
        program = (folder / name / "program.hlo").read_bytes()
        module = hlo_pb2.HloModuleProto.FromString(program)
        found = {i.opcode for c in module.computations for i in c.instructions}
        assert "convolution" in found and "copy" not in found


@pytest.mark.slow
def test_an_unknown_method_ends_in_one_line(tmp_path):
    folder = tmp_path / "steps"
    ended = run_forked([EXPORT, "--methods=gwd", f"--programs={folder}"])
    assert ended.returncode == 2 and "Traceback" not in ended.stderr
    assert "no method 'gwd': did you mean 'gdw'" in ended.stderr
    assert not folder.exists()


def test_a_folder_without_a_program_is_an_error(tmp_path):
    ended = run(RUN, tmp_path)
    assert ended.returncode == 2 and not ended.stdout
    assert ended.stderr == (
        f"error: {tmp_path} holds no step: there is no program.hlo; write one "
        "with export_step.py\n"
    )


def test_steps_of_other_sizes_or_of_an_older_script_are_rejected(
    folder, tmp_path
):
    info = manifest(folder / "gdw")
    old = {k: v for k, v in info.items() if k != "scope"}
    for name, altered in (("other", info | {"batch": 20}), ("old", old)):
        (tmp_path / name).mkdir()
        for file in ("program.hlo", "values.npz"):
            (tmp_path / name / file).write_bytes(b"")
        (tmp_path / name / "manifest.json").write_text(json.dumps(altered))
    ended = run(RUN, folder / "gdw", tmp_path / "other")
    assert ended.returncode == 2
    assert ended.stderr == (
        f"error: {folder / 'gdw'} has batch 10, {tmp_path / 'other'} has 20: "
        "their times do not compare; run them one by one\n"
    )
    ended = run(RUN, tmp_path / "old")
    assert ended.returncode == 2
    assert "old/manifest.json has no scope: an older" in ended.stderr


def test_no_rounds_are_rejected(tmp_path):
    ended = run(RUN, tmp_path, "--rounds=0")
    assert ended.returncode == 2 and "Traceback" not in ended.stderr
    assert "argument --rounds: 1 or more, got '0'" in ended.stderr
