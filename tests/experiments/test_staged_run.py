"""Recipes of several runs, on the command line."""

import json

import pytest
from support.runs import TINY, one_line, train_run

from fsr_gdw_tf.io.files import read_csv
from fsr_gdw_tf.io.run_folder import RunFolder


def flags(run, recipe, *more):
    return [
        *TINY,
        f"--gin_file=gin/methods/{recipe}.gin",
        f"--run_dir={run}",
        *more,
    ]


def test_a_comparison_has_one_row_for_two_runs(tmp_path, command_line):
    """RoG beside plain training; resumed without its head, then tested."""
    run, compared = tmp_path / "run", "--gin_param=COMPARE=['supervised','rog']"
    out = train_run(command_line, run, compared)
    assert "-- network" in out and "-- head" in out
    rows = read_csv(run / "comparison.csv")
    assert [row["method"] for row in rows] == ["supervised", "rog"]
    stages = read_csv(run / "rog" / "stages.csv")
    assert [row["stage"] for row in stages] == ["network", "head"]
    # A tenth of 120 is held out for the head, which is fitted once.
    assert [row["train_examples"] for row in stages] == [108, 120]
    assert [row["epochs"] for row in stages] == [3, 0]
    head = RunFolder(run / "rog" / "head")
    tested = json.loads((head / "evaluation.json").read_text())
    assert rows[1]["test_accuracy_last"] == round(tested["accuracy"], 4)
    assert stages[1]["test_accuracy_last"] == rows[1]["test_accuracy_last"]
    # All seconds, over the steps of one run: 3 epochs of 4 batches of 30.
    seconds = sum(row["seconds"] for row in stages)
    summary = RunFolder(run / "rog").summary()
    assert summary["step_seconds"] == pytest.approx(seconds / 12)
    trained = (run / "rog" / "network" / "model.keras").stat().st_mtime_ns
    for file in (run / "rog" / "DONE", head / "DONE", head / "model.keras"):
        file.unlink()
    out = train_run(command_line, run, compared)
    assert out.count("is done already") == 2
    again = (run / "rog" / "network" / "model.keras").stat().st_mtime_ns
    assert again == trained, "the network was not trained again"
    assert (
        read_csv(run / "comparison.csv")[1]["test_accuracy_last"]
        == (rows[1]["test_accuracy_last"])
    )
    code, out, err = command_line(
        *flags(run / "rog", "rog", "--mode=evaluate", compared)
    )
    assert code == 0, err
    assert f"accuracy: {tested['accuracy']:.4g}" in out


def test_cross_validation_selects_and_then_trains(tmp_path, command_line):
    """One iteration of INCV; halves are tested on each other."""
    run = tmp_path / "run"
    learns = ["ClassifierConfig.network=@mlp", "mlp.scale=0.004", "NOISE=0.1"]
    learns += ["BATCH_SIZE=10", "incv.epochs=10", "incv.iterations=1"]
    params = [f"--gin_param={param}" for param in learns]
    code, _, err = command_line(*flags(run, "incv", "--mode=train", *params))
    assert code == 0, err
    stages = {row["stage"]: row for row in read_csv(run / "stages.csv")}
    assert list(stages) == ["1a", "1b", "coteaching"]
    halves = [stages[name]["train_examples"] for name in ("1a", "1b")]
    assert sum(halves) == 120 and halves[0] - halves[1] in (0, 1)
    (found,) = read_csv(run / "iterations.csv")
    assert stages["coteaching"]["train_examples"] == found["selected"]
    assert 40 < found["selected"] < 120
    info = json.loads((run / "1a" / "run.json").read_text())["data"]
    assert (info["train"], info["test"]) == tuple(halves)
    assert (run / "1a" / "best.keras").is_file()
    assert (run / "coteaching" / "report" / "index.html").is_file()


def test_a_run_that_is_not_complete_is_not_tested(tmp_path, command_line):
    run = tmp_path / "run"
    code, _, err = command_line(*flags(run, "rog", "--mode=evaluate"))
    assert code == 2 and one_line(err) and "run --mode=train first" in err


def test_several_hosts_are_refused(tmp_path, command_line, monkeypatch):
    from fsr_gdw_tf.experiments import staged_run

    hosts = type("Hosts", (), {"count": 2, "index": 0})
    monkeypatch.setattr(staged_run, "host", hosts)
    code, _, err = command_line(*flags(tmp_path / "r", "rog", "--mode=train"))
    assert code == 2 and one_line(err) and "trains on one host, got 2" in err
