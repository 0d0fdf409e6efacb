"""The cost table has its columns, its unit, and clear errors."""

import csv
import os
import subprocess
import sys

import numpy as np
import pytest

from fsr_gdw_tf import BadInput, benchmark

SMALL = [
    *("--network=small_cnn", "--size=8", "--batch=10", "--meta_batch=5"),
    *("--examples=40", "--reward_batch=10"),
]


def run(*flags: str):
    return subprocess.run(
        [sys.executable, "-m", "fsr_gdw_tf.benchmark", *SMALL, *flags],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ,
    )


@pytest.mark.slow
def test_one_row_per_method_with_plain_as_the_unit(tmp_path):
    file = tmp_path / "cost.csv"
    methods = "--methods=supervised,fsr:raw:bank"
    ended = run(methods, f"--csv={file}", "--rounds=2")
    assert ended.returncode == 0, ended.stderr
    with file.open() as lines:
        plain, bank = csv.DictReader(lines)
    assert list(plain) == [
        "method",
        "scope",
        "time_ratio",
        "memory_ratio",
        "time_per_step_s",
    ]
    assert (plain["method"], plain["scope"]) == ("supervised", "")
    assert (bank["method"], bank["scope"]) == ("fsr:raw:bank", "head")
    assert float(plain["time_ratio"]) == float(plain["memory_ratio"]) == 1.0
    assert float(bank["time_per_step_s"]) > 0


@pytest.mark.slow
def test_an_unknown_method_ends_in_one_line():
    ended = run("--methods=gwd")
    assert ended.returncode == 2 and "Traceback" not in ended.stderr
    assert "no method 'gwd': did you mean 'gdw'" in ended.stderr


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("supervised:head", "has no virtual step and so no 'head'"),
        ("gdw:raw", "gdw has no extras: 'raw' goes with fsr"),
        ("gdw:head:all", "names 2 scopes"),
    ],
)
def test_words_that_do_not_go_with_the_method(spec, message):
    benchmark.FLAGS(["benchmark"])
    with pytest.raises(BadInput, match=message):
        benchmark.parse(spec)


def test_names_are_taken_apart():
    benchmark.FLAGS(["benchmark"])
    assert benchmark.parse("gdw:head") == ("gdw", set(), "head")
    words = {"raw", "bank"}
    assert benchmark.parse("fsr:raw:bank") == ("fsr", words, "")


@pytest.mark.parametrize("name", benchmark.METHODS)
def test_every_method_can_be_measured(name):
    """A step of each, on a network of no size."""
    benchmark.FLAGS(["benchmark", *SMALL, "--size=4"])
    logs = benchmark.stepper(benchmark.build(name))()
    assert np.isfinite(logs["loss"])
