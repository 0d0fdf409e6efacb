"""`--dry_run` says what would be trained, and writes nothing."""

import time

import numpy as np
import pytest
from PIL import Image
from support.runs import TINY, one_line

from fsr_gdw_tf.experiments import dry_run


def test_each_method_of_a_comparison_is_timed(tmp_path, command_line):
    """120 of the digits in batches of 30 are 4 steps an epoch."""
    code, out, err = command_line(
        *TINY,
        "--dry_run",
        "--gin_param=COMPARE=['forward_correction', 'gdw']",
        f"--run_dir={tmp_path}/run",
    )
    assert code == 0, err
    assert "digits: 120 examples of 10 classes, 500 for tests, 20 clean" in out
    for name in ("forward_correction", "gdw"):
        (line,) = (x for x in out.splitlines() if f"{name} " in x)
        assert "3 x 4" in line
    assert f"Nothing was written to {tmp_path}/run" in out
    assert list(tmp_path.iterdir()) == []


def test_invalid_settings_end_in_one_line(tmp_path, command_line):
    for flags, message in (
        (["--gin_param=NOISE=2"], "NOISE must be"),
        (["--mode=report"], "--dry_run is for the modes train and compare"),
    ):
        code, _, err = command_line(*TINY, "--dry_run", *flags)
        assert code == 2 and one_line(err) and message in err


def test_the_first_step_which_compiles_is_not_counted(monkeypatch):
    """Steps of 10 s and then of 0.5 s each, ended after eight of them."""
    timer = dry_run.TimeSteps()
    now = iter([0.0, *(10 + 0.5 * i for i in range(20))])
    monkeypatch.setattr(time, "perf_counter", lambda: next(now))
    timer.on_train_begin()
    with pytest.raises(dry_run._Timed):
        for batch in range(20):
            timer.on_train_batch_end(batch)
    assert batch == dry_run.STEPS
    assert timer.seconds == pytest.approx(0.5)


def test_a_call_of_several_steps_counts_as_so_many(monkeypatch):
    """Calls of five steps: the second one took 5 s."""
    timer = dry_run.TimeSteps()
    now = iter([0.0, 60.0, 65.0])
    monkeypatch.setattr(time, "perf_counter", lambda: next(now))
    timer.on_train_begin()
    timer.on_train_batch_end(4)
    with pytest.raises(dry_run._Timed):
        timer.on_train_batch_end(9)
    assert timer.seconds == pytest.approx(1.0)


def write_photos(root) -> None:
    rng = np.random.default_rng(0)
    for name in ("cat", "dog"):
        (root / name).mkdir(parents=True)
        for i in range(10):
            pixels = rng.integers(0, 256, (8, 8, 3), np.uint8)
            Image.fromarray(pixels).save(root / name / f"{i}.png")


@pytest.mark.parametrize("mode", ["train", "compare"])
def test_settings_of_a_folder_are_chosen_and_printed_once(
    mode, tmp_path, command_line
):
    """A folder of a comparison has its recipe's settings, not the chosen."""
    write_photos(tmp_path / "photos")
    flags = [
        "--gin_file=gin/folder.gin",
        f"--gin_param=DATA_DIR='{tmp_path / 'photos'}'",
        "--gin_param=COMPARE=['supervised', 'gce']",
        *(f"--mode={mode}", f"--run_dir={tmp_path}/run"),
    ]
    code, out, err = command_line(*flags, "--dry_run")
    assert code == 0, err
    assert out.count("IMAGE_SIZE=") == 1
    assert "18 examples of 2 classes, 2 for" in out
    assert not (tmp_path / "run").exists()
