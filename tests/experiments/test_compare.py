"""Comparisons of several methods."""

import csv
import re

import numpy as np
from support.runs import train_run

from fsr_gdw_tf.io.run_folder import RunFolder


def test_compare_writes_one_row_per_method(tmp_path, command_line):
    some = ["supervised", "mixup", "gdw"]
    flag = f"--gin_param=COMPARE={some}"
    out = train_run(command_line, tmp_path / "run", flag)
    with (tmp_path / "run" / "comparison.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert ",".join(rows[0]) == (
        "method,test_accuracy_last,test_accuracy_last5,test_accuracy_best,"
        "balanced_accuracy,step_time_ratio"
    )
    names = [row["method"] for row in rows]
    assert names == some
    assert rows[0]["step_time_ratio"] == "1.0"
    for row in rows:
        epochs = RunFolder(tmp_path / "run" / row["method"]).metrics()
        accuracy = [e["val_accuracy"] for e in epochs]
        assert float(row["test_accuracy_last"]) == round(accuracy[-1], 4)
        assert float(row["test_accuracy_best"]) == round(max(accuracy), 4)
        assert float(row["test_accuracy_last5"]) == round(np.mean(accuracy), 4)
        assert row["method"] in out
        lines = [
            x for x in out.splitlines() if x.startswith(f"{row['method']} ")
        ]
        assert len(lines) == 1 and "3/3 loss: " in lines[0], "its progress"
    best = max(rows, key=lambda row: float(row["test_accuracy_last5"]))
    page = tmp_path / "run" / best["method"] / "report" / "index.html"
    assert out.count("Report: ") == 1 and f"Report: {page}\n" in out
    again = train_run(command_line, tmp_path / "run", flag)
    assert "is done already" in again and "Test accuracy" in again
    assert f"Report: {page}\n" in again


def test_a_method_that_diverges_does_not_end_the_comparison(
    tmp_path, command_line
):
    out = train_run(
        command_line,
        tmp_path / "run",
        "--gin_param=COMPARE=['supervised', 'gce']",
        "--gin_param=LEARNING_RATE=1e30",
    )
    table = (tmp_path / "run" / "comparison.csv").read_text().splitlines()
    assert table[1:] == ["supervised,,,,,", "gce,,,,,"]
    assert out.count("training has diverged") == 2


def test_a_stage_that_selects_too_little_does_not_end_the_comparison(
    tmp_path, command_line
):
    """Networks that are not trained predict one class: some 12 of 120."""
    out = train_run(
        command_line,
        tmp_path / "run",
        "--gin_param=COMPARE=['incv', 'supervised']",
        "--gin_param=incv.iterations=1",
        "--gin_param=LEARNING_RATE=1e-30",
        "--gin_param=EPOCHS=1",
    )
    table = (tmp_path / "run" / "comparison.csv").read_text().splitlines()
    assert table[1] == "incv,,,,,"
    assert re.fullmatch(r"supervised(,[\d.]+){5}", table[2])
    assert "after the stage 1b: the batch size must be in 1 to" in out
