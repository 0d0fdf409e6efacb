"""The accuracy table: its runs, what is skipped, its arithmetic."""

import json
import os
import shlex
import subprocess
from pathlib import Path

import numpy as np
import pytest

from fsr_gdw_tf.data import CropFlip

ROOT = Path(__file__).parents[2]
COLUMNS = "setting,method,seed,last5,best,commit,threads"
SOME = ["--methods=supervised,gdw", "--settings=flip 40 %,long tail .01"]


@pytest.fixture
def run(run_script, tmp_path):
    def run(*flags):
        table = [f"--csv={tmp_path}/table.csv", f"--run_dir={tmp_path}/runs"]
        return run_script("accuracy", *SOME, *flags, *table)

    return run


def finish(tmp_path, name, last5, best, **info):
    folder = tmp_path / "runs" / name
    folder.mkdir(parents=True)
    done = {"test_accuracy_last5": last5, "test_accuracy_best": best}
    (folder / "DONE").write_text(json.dumps(done))
    if info:
        (folder / "run.json").write_text(json.dumps(info))


def head() -> str:
    """Return the commit of this checkout; empty outside of one."""
    git = ["git", "-C", str(ROOT), "rev-parse", "HEAD"]
    ended = subprocess.run(git, capture_output=True, text=True, check=False)
    return ended.stdout.strip()


def cpus() -> int:
    """Return how many CPUs this process and its children may use."""
    known = hasattr(os, "sched_getaffinity")
    return len(os.sched_getaffinity(0)) if known else os.cpu_count()


def test_what_is_missing_is_a_command_for_each_run(run, tmp_path):
    finish(tmp_path, "flip_40/gdw/0", 0.5, 0.6)
    shown = run("--show", "--seeds=0", "--data_dir=here")
    commands = [shlex.split(line) for line in shown.stdout.splitlines()]
    assert len(commands) == 3, shown.stderr
    assert commands[0][:4] == [
        "python",
        "-m",
        "fsr_gdw_tf.main",
        "--mode=train",
    ]
    flags = {"--gin_param=NOISE_KIND='flip'", "--gin_param=DATA_DIR='here'"}
    assert flags <= set(commands[0])
    assert commands[0][-1].endswith("runs/flip_40/supervised/0")
    assert "--gin_param=IMBALANCE=0.01" in commands[1]


def test_each_run_has_a_row_and_means_over_seeds_are_printed(run, tmp_path):
    """Accuracies .5 and .7: mean .6, deviation .2 / sqrt 2 = .1414."""
    noted = {"commit": "12e4567890abcdef", "threads": 7}
    finish(tmp_path, "flip_40/supervised/0", 0.5, 0.8, **noted)
    finish(tmp_path, "flip_40/supervised/1", 0.7, 0.8)
    for method in ("flip_40/gdw", "long_tail_.01/supervised"):
        for seed in (0, 1):
            finish(tmp_path, f"{method}/{seed}", 0.9, 0.9)
    for seed in (0, 1):
        finish(tmp_path, f"long_tail_.01/gdw/{seed}", 0.912345, 0.95)
    ended = run("--seeds=1,0")
    assert ended.returncode == 0, ended.stderr
    here = f"{head()[:10]},{cpus()}"
    assert (tmp_path / "table.csv").read_text().splitlines() == [
        COLUMNS,
        "flip 40 %,supervised,0,0.5,0.8,12e4567890,7",
        f"flip 40 %,supervised,1,0.7,0.8,{here}",
        f"flip 40 %,gdw,0,0.9,0.9,{here}",
        f"flip 40 %,gdw,1,0.9,0.9,{here}",
        f"long tail .01,supervised,0,0.9,0.9,{here}",
        f"long tail .01,supervised,1,0.9,0.9,{here}",
        f"long tail .01,gdw,0,0.9123,0.95,{here}",
        f"long tail .01,gdw,1,0.9123,0.95,{here}",
    ]
    rows = [line.split("│")[1:-1] for line in ended.stdout.splitlines()]
    first = [cell.strip() for cell in next(r for r in rows if r)]
    assert first[:5] == ["flip 40 %", "supervised", "2", "0.600", "0.141"]
    assert first[5:] == ["0.800", "0.000"]
    about = json.loads((tmp_path / "table.json").read_text())
    assert about["tested on"] == "test" and about["seeds"] == ["1", "0"]
    assert about["commit"] == head() and about["threads"] == cpus()
    assert {"keras", "tensorflow"} <= set(about["versions"])


def test_a_table_grows_over_machines_and_a_new_run_takes_its_row(run, tmp_path):
    """A run from elsewhere stays, and so does one that has not changed."""
    elsewhere = "long tail .01,gdw,5,0.49,0.5,0123456789,64"
    kept = "flip 40 %,gdw,0,0.57,0.58,1234567890,4"
    old = "flip 40 %,supervised,0,0.4,0.4,aaaaaaaaaa,4"
    rows = [COLUMNS, elsewhere, kept, old]
    (tmp_path / "table.csv").write_text("\n".join(rows) + "\n")
    (tmp_path / "table.json").write_text(json.dumps({"tested on": "test"}))
    finish(tmp_path, "flip_40/gdw/0", 0.57, 0.58)
    finish(tmp_path, "flip_40/supervised/0", 0.43, 0.44)
    for method in ("supervised", "gdw"):
        finish(tmp_path, f"long_tail_.01/{method}/0", 0.5, 0.5)
    ended = run("--seeds=0")
    assert ended.returncode == 0, ended.stderr
    here = f"{head()[:10]},{cpus()}"
    assert (tmp_path / "table.csv").read_text().splitlines() == [
        COLUMNS,
        f"flip 40 %,supervised,0,0.43,0.44,{here}",
        kept,
        f"long tail .01,supervised,0,0.5,0.5,{here}",
        f"long tail .01,gdw,0,0.5,0.5,{here}",
        elsewhere,
    ]


def test_choices_are_made_on_training_images(run, tmp_path):
    shown = run("--show", "--seeds=0", "--validate")
    held_out = {
        "--gin_param=tfds_images.train_split='train[:40000]'",
        "--gin_param=tfds_images.test_split='train[40000:]'",
    }
    lines = shown.stdout.splitlines()
    assert len(lines) == 4
    assert all(held_out <= set(shlex.split(line)) for line in lines)


@pytest.mark.slow
def test_held_out_results_never_stand_beside_test_results(run, tmp_path):
    """Neither in one table, nor from one folder of runs."""
    held_out = {"tested on": "held-out training images"}
    (tmp_path / "table.json").write_text(json.dumps(held_out))
    ended = run("--seeds=0")
    assert ended.returncode == 2
    assert "table.csv was tested on held-out" in ended.stderr.splitlines()[-1]
    split = "--gin_param=tfds_images.test_split='train[40000:]'"
    finish(tmp_path, "flip_40/gdw/0", 0.5, 0.5, command=["main", split])
    shown = run("--seeds=0", "--show", "--validate")
    assert len(shown.stdout.splitlines()) == 3, shown.stderr
    (tmp_path / "table.json").unlink()
    ended = run("--seeds=0")
    assert ended.returncode == 2
    message = ended.stderr.splitlines()[-1]
    assert "flip_40/gdw/0 was tested on held-out training images" in message
    assert message.endswith("this is on test; choose another --run_dir")


def test_a_table_of_something_else_is_rejected(run, tmp_path):
    (tmp_path / "table.csv").write_text("setting,method,seeds\na,b,3\n")
    ended = run("--seeds=0")
    assert ended.returncode == 2
    message = "table.csv has no column best, commit, last5, seed"
    assert message in ended.stderr.splitlines()[-1]


def test_bindings_after_a_method_are_settings_and_a_folder(run, tmp_path):
    shown = run(
        "--show",
        "--methods=gdw VirtualStep.ahead=False MetaLoss.every=4,"
        "mwnet META_BATCH_SIZE=50",
        '--settings="uniform 40 %, no crops"',
        "--seeds=3",
    )
    gdw, mwnet = [shlex.split(line) for line in shown.stdout.splitlines()]
    assert "--gin_file=gin/methods/gdw.gin" in gdw
    expected = {
        "VirtualStep.ahead=False",
        "MetaLoss.every=4",
        "CropFlip.padding=0",
    }
    assert {f"--gin_param={p}" for p in expected} <= set(gdw)
    name = "gdw_VirtualStep.ahead_False_MetaLoss.every_4"
    assert gdw[-1].endswith(f"runs/uniform_40_no_crops/{name}/3")
    assert "--gin_param=META_BATCH_SIZE=50" in mwnet
    name = "mwnet_META_BATCH_SIZE_50"
    assert mwnet[-1].endswith(f"runs/uniform_40_no_crops/{name}/3")


def test_without_crops_images_are_still_mirrored():
    image = np.arange(2 * 3 * 1, dtype=np.uint8).reshape(2, 3, 1)
    view = CropFlip(padding=0)
    seeds = [np.array((seed, 0)) for seed in range(9)]
    seen = {view.train(image, seed).numpy().tobytes() for seed in seeds}
    assert seen == {image.tobytes(), image[:, ::-1].tobytes()}


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("--methods=gwd", "no method 'gwd': did you mean 'gdw'"),
        ("--methods=mixup SCOPE='head'", "mixup does not use SCOPE"),
        ("--settings=flip 41 %", "no setting 'flip 41 %': did you mean"),
        ("--seeds=-1", "a seed is 0 or more, got '-1'"),
    ],
)
def test_what_does_not_exist_is_told_at_once(run, flag, message):
    ended = run(flag)
    assert ended.returncode == 2
    assert message in ended.stderr.splitlines()[-1]
