"""The accuracy table: its cells, what is skipped, its arithmetic."""

import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from fsr_gdw_tf.run_folder import read_csv

ROOT = Path(__file__).parent.parent
SOME = ["--methods=supervised,gdw", "--settings=flip 40 %,long tail .01"]


def run(tmp_path, *flags):
    command = [sys.executable, "benchmarks/accuracy.py", *SOME, *flags]
    table = [f"--csv={tmp_path}/table.csv", f"--run_dir={tmp_path}/runs"]
    return subprocess.run(
        [*command, *table],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )


def finish(tmp_path, cell, last5, best, seconds):
    folder = tmp_path / "runs" / cell
    folder.mkdir(parents=True)
    names = ("test_accuracy_last5", "test_accuracy_best", "step_seconds")
    done = dict(zip(names, (last5, best, seconds), strict=True))
    (folder / "DONE").write_text(json.dumps(done))


def test_what_is_missing_is_a_command_for_each_cell(tmp_path):
    finish(tmp_path, "flip_40/gdw/0", 0.5, 0.6, 0.1)
    shown = run(tmp_path, "--show", "--seeds=0", "--data_dir=here")
    cells = [shlex.split(line) for line in shown.stdout.splitlines()]
    assert len(cells) == 3, shown.stderr
    assert cells[0][:4] == ["python", "-m", "fsr_gdw_tf.main", "--mode=train"]
    flags = {"--gin_param=NOISE_KIND='flip'", "--gin_param=DATA_DIR='here'"}
    assert flags <= set(cells[0])
    assert cells[0][-1].endswith("runs/flip_40/supervised/0")
    assert "--gin_param=MU=0.01" in cells[1]


def test_the_table_is_of_means_over_seeds(tmp_path):
    """Accuracies .5 and .7: mean .6, deviation .2 / sqrt 2 = .1414."""
    for cell in ("flip_40/supervised", "long_tail_.01/supervised"):
        for seed, last5 in ((0, 0.5), (1, 0.7)):
            finish(tmp_path, f"{cell}/{seed}", last5, 0.8, 0.1 + seed)
    for seed in (0, 1):
        for cell in ("flip_40/gdw", "long_tail_.01/gdw"):
            finish(tmp_path, f"{cell}/{seed}", 0.9, 0.9, 0.3)
    ended = run(tmp_path, "--seeds=0,1")
    assert ended.returncode == 0, ended.stderr
    rows = read_csv(tmp_path / "table.csv")
    assert [r["method"] for r in rows] == ["supervised", "gdw"] * 2
    assert rows[0] == {
        "setting": "flip 40 %",
        "method": "supervised",
        "seeds": 2,
        "last5": 0.6,
        "last5_std": 0.1414,
        "best": 0.8,
        "best_std": 0.0,
        "step_seconds": 0.6,
    }
    about = json.loads((tmp_path / "table.json").read_text())
    assert about["tested on"] == "test" and about["seeds"] == ["0", "1"]


def test_choices_are_made_on_training_images(tmp_path):
    shown = run(tmp_path, "--show", "--seeds=0", "--validate")
    held_out = {
        "--gin_param=tfds_images.train_split='train[:40000]'",
        "--gin_param=tfds_images.test_split='train[40000:]'",
    }
    lines = shown.stdout.splitlines()
    assert len(lines) == 4
    assert all(held_out <= set(shlex.split(line)) for line in lines)


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("--methods=gwd", "no method 'gwd': did you mean 'gdw'"),
        ("--settings=flip 41 %", "no setting 'flip 41 %': did you mean"),
        ("--seeds=-1", "a seed is 0 or more, got '-1'"),
    ],
)
def test_what_does_not_exist_is_told_at_once(tmp_path, flag, message):
    ended = run(tmp_path, flag)
    assert ended.returncode == 2
    assert message in ended.stderr.splitlines()[-1]
