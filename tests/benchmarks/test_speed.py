"""The table of seconds beside PyTorch, where no program has to run."""

import argparse
import csv
import json
import subprocess
import sys

import pytest
from environment import ROOT
from full_scale import speed

SCRIPT = ROOT / "benchmarks" / "full_scale" / "speed.py"
MANIFEST = {"network": "resnet32", "size": 32, "batch": 2, "meta_batch": 3}


def run(*flags, script=SCRIPT):
    """Run a script in a process of its own."""
    return subprocess.run(
        [sys.executable, str(script), *map(str, flags)],
        capture_output=True,
        text=True,
        check=False,
    )


def write_manifests(folder) -> None:
    """Write a folder of exported steps, without programs."""
    for method in speed.METHODS:
        (folder / method).mkdir(parents=True)
        (folder / method / "manifest.json").write_text(json.dumps(MANIFEST))


def test_ratios_are_to_the_official_order_at_the_same_sizes():
    """30 ms are official: 15 and 60 ms are .5 and 2."""
    sizes = {"network": "resnet32", "batch": "100", "meta_batch": "100"}
    shared = sizes | {"device": "some GPU", "runtime": "some release"}
    args = argparse.Namespace(device="cuda", tf32=False)
    torch = [
        shared | {"what": what, "ms_per_step": ms}
        for what, ms in (("PyTorch: plain", "15"), (speed.OFFICIAL, "30.0"))
    ]
    ours = shared | {"what": "exported step: gdw", "ms_per_step": "60"}
    # Sizes in a manifest are integers.
    same = ours | {"batch": 100, "meta_batch": 100}
    others = [ours | {"batch": "50"}, ours | {"network": "small_cnn"}]
    official = {}
    rows = speed.complete(torch, official, args)
    rows += speed.complete([ours, same, *others], official, args)
    rows = [dict(zip(speed.COLUMNS, row, strict=True)) for row in rows]
    ratios = [row["time_ratio"] for row in rows]
    assert ratios == [0.5, 1.0, 2.0, 2.0, "", ""]
    assert rows[2]["ms_per_step"] == 60.0
    assert {row["tf32"] for row in rows} == {"off"}


def test_both_sides_have_the_same_setting_of_tf32(monkeypatch):
    """Whatever the caller's environment says."""
    name = "NVIDIA_TF32_OVERRIDE"
    monkeypatch.setenv("XLA_FLAGS", "--xla_dump_to=there")
    for outer in ("0", "1"):
        monkeypatch.setenv(name, outer)
        args = argparse.Namespace(device="cuda", tf32=True)
        allowed = speed.environment(args)
        assert name not in allowed and allowed["JAX_PLATFORMS"] == "cuda"
        assert allowed["XLA_FLAGS"] == "--xla_dump_to=there"
        args.tf32 = False
        forbidden = speed.environment(args)
        assert forbidden[name] == "0"
        assert forbidden["XLA_FLAGS"] == (
            "--xla_dump_to=there --xla_gpu_enable_triton_gemm=false"
        )


def test_pytorch_is_timed_at_the_sizes_of_the_steps(tmp_path, monkeypatch):
    """And steps without a program fail without stopping it."""
    pytest.importorskip("torch", reason="PyTorch is no dependency")
    # On a busy machine, threads wait for each other.
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    write_manifests(tmp_path / "steps")
    flags = ["--rounds=1", "--steps=1", f"--csv={tmp_path / 'speed.csv'}"]
    ended = run(tmp_path / "steps", *flags)
    assert ended.returncode == 2
    assert "holds no step: there is no program.hlo" in ended.stderr
    assert ended.stderr.splitlines()[-1] == (
        f"error: these parts failed: {tmp_path / 'steps'}"
    )
    with (tmp_path / "speed.csv").open() as file:
        rows = list(csv.DictReader(file))
    names = ("plain", "gdw_official", "gdw_double_backward")
    assert [row["what"] for row in rows] == [f"PyTorch: {n}" for n in names]
    official = float(rows[1]["ms_per_step"])
    for row in rows:
        assert (row["batch"], row["meta_batch"]) == ("2", "3")
        assert (row["device"], row["tf32"]) == ("cpu", "")
        ratio = float(row["ms_per_step"]) / official
        assert float(row["time_ratio"]) == pytest.approx(ratio, abs=1e-3)


def test_what_is_not_there_is_one_line(tmp_path):
    csv_flag = f"--csv={tmp_path / 'speed.csv'}"
    for flags, message in (
        ([], "nothing to time: name a folder, or --prepared"),
        ([tmp_path], f"{tmp_path} has no step supervised of export_step.py"),
    ):
        ended = run(*flags, csv_flag)
        assert ended.returncode == 2 and not ended.stdout
        assert ended.stderr == f"error: {message}\n"
    assert not (tmp_path / "speed.csv").exists()


def test_a_cell_that_is_not_prepared_is_one_line(tmp_path):
    (tmp_path / "cells.json").write_text('[{"name": "one"}, {"name": "two"}]')
    flags = f"--prepared={tmp_path}", "--cell=three"
    ended = run(*flags, script=SCRIPT.with_name("epoch_time.py"))
    assert ended.returncode == 2 and not ended.stdout
    message = f"error: {tmp_path} has no cell 'three'; it has one, two\n"
    assert ended.stderr == message
