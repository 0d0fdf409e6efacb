"""The cost table has its columns, its unit, and clear errors."""

import csv
import os
import subprocess
import sys

import pytest

SMALL = ["--network=small_cnn", "--size=8", "--batch=10", "--meta_batch=5"]


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
    ended = run("--methods=supervised,gdw:head", f"--csv={file}", "--rounds=2")
    assert ended.returncode == 0, ended.stderr
    with file.open() as lines:
        plain, gdw = csv.DictReader(lines)
    assert list(plain) == [
        "method",
        "scope",
        "time_ratio",
        "memory_ratio",
        "time_per_step_s",
    ]
    assert (plain["method"], plain["scope"]) == ("supervised", "")
    assert (gdw["method"], gdw["scope"]) == ("gdw", "head")
    assert float(plain["time_ratio"]) == float(plain["memory_ratio"]) == 1.0
    assert float(gdw["time_per_step_s"]) > 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("--methods=gwd", "no method 'gwd': did you mean 'gdw'"),
        ("--methods=supervised:head", "has no virtual step and so no scope"),
    ],
)
def test_unknown_methods_end_in_one_line(flag, message):
    ended = run(flag)
    assert ended.returncode == 2 and "Traceback" not in ended.stderr
    assert message in ended.stderr
