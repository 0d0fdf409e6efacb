"""The benchmark of the input pipelines."""

import csv

import pytest


@pytest.mark.slow
@pytest.mark.parametrize("flag", ["--cached", "--nocached"])
def test_the_benchmark_measures_all_pipelines(run_script, tmp_path, flag):
    file = tmp_path / "speed.csv"
    small = ("--images=8", "--batch=4", "--size=16", "--rounds=1", "--epochs=1")
    ended = run_script("input_pipeline", *small, flag, f"--csv={file}")
    assert ended.returncode == 0, ended.stderr
    with file.open() as lines:
        rows = {row["pipeline"]: row for row in csv.DictReader(lines)}
    assert list(rows) == ["ours", "window", "whole"]
    speed = {name: float(row["images_per_s"]) for name, row in rows.items()}
    assert min(speed.values()) > 0
    for name, row in rows.items():
        ratio = speed["ours"] / speed[name]
        assert float(row["ours_relative"]) == pytest.approx(
            ratio, rel=1e-3, abs=0.01
        )


def test_a_benchmark_of_too_few_images_ends_in_one_line(run_script):
    ended = run_script("input_pipeline", "--images=8", "--epochs=1")
    assert ended.returncode == 2 and "Traceback" not in ended.stderr
    assert "a round needs 2 batches or more, got 8 images" in ended.stderr
