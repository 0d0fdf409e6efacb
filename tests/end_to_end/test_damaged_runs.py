"""Whatever happens to a file of a run: an equal end, or one clear line."""

import json
import shutil
from pathlib import Path

import pytest
from support.runs import TINY, one_line, train_run

from fsr_gdw_tf.io.run_folder import RunFolder

SETTINGS = ("--mode=train", "--gin_param=EPOCHS=2")


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """Return the folder of a run that the tests copy."""
    return tmp_path_factory.mktemp("runs") / "original"


@pytest.fixture
def run(original, tmp_path, command_line):
    """Return the folder of a finished run; the first test trains it."""
    if not (original / "DONE").exists():
        train_run(command_line, original, *SETTINGS)
    return shutil.copytree(original, tmp_path / "run")


def empty(file: Path) -> None:
    file.write_bytes(b"")


def cut(file: Path) -> None:
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])


def flip_a_bit(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


DAMAGE = (Path.unlink, empty, cut, flip_a_bit)


def newest(run: Path, pattern: str) -> Path:
    """Return a file of the last checkpoint."""
    files = sorted(
        (run / "checkpoints").glob(pattern), key=lambda f: len(f.name)
    )
    return max(files, key=lambda f: int(f.name.split(".")[0][5:]))


def assert_same_end(run: Path, original: Path) -> None:
    """All epochs but for their times, and all metrics of the test data."""
    rows, expected = (
        [{**row, "step_seconds": 0} for row in RunFolder(folder).metrics()]
        for folder in (run, original)
    )
    assert rows == expected
    texts = [(f / "evaluation.json").read_text() for f in (run, original)]
    assert texts[0] == texts[1]
    assert (run / "model.keras").stat().st_size > 0
    summaries = [
        {**RunFolder(folder).summary(), "step_seconds": 0}
        for folder in (run, original)
    ]
    assert summaries[0] == summaries[1]


# More of checkpoints in tests/callbacks/test_saved_checkpoints.py.
REPAIRED = [
    *(("metrics.csv", damage) for damage in DAMAGE),
    *(("DONE", damage) for damage in DAMAGE),
    *(("data", flip_a_bit), ("index", Path.unlink)),
]


@pytest.mark.parametrize(("name", "damage"), REPAIRED)
def test_the_same_command_repairs_a_run(
    name, damage, run, original, command_line
):
    """A finished run's tables, and the last checkpoint of a stopped one."""
    patterns = {"data": "ckpt-*.data-*", "index": "ckpt-*.index"}
    if name in patterns:
        damage(newest(run, patterns[name]))
        (run / "DONE").unlink()
    else:
        damage(run / name)
    train_run(command_line, run, *SETTINGS)
    assert_same_end(run, original)


@pytest.mark.parametrize("name", ["model.keras", "evaluation.json"])
def test_lost_results_of_a_finished_run_are_made_again(
    name, run, original, command_line
):
    (run / name).unlink()
    out = train_run(command_line, run, *SETTINGS)
    assert f"{name}: made again from the last checkpoint" in out
    assert_same_end(run, original)


@pytest.mark.parametrize("damage", DAMAGE)
def test_another_configuration_file_is_told(damage, run, command_line):
    damage(run / "config.gin")
    code, _, err = command_line(*TINY, *SETTINGS, f"--run_dir={run}")
    assert code == 2 and one_line(err)


def test_epochs_without_a_checkpoint_are_not_trained_again(run, command_line):
    before = (run / "metrics.csv").read_text()
    shutil.rmtree(run / "checkpoints")
    (run / "DONE").unlink()
    code, _, err = command_line(*TINY, *SETTINGS, f"--run_dir={run}")
    assert code == 2 and one_line(err) and "no checkpoint to go on from" in err
    assert (run / "metrics.csv").read_text() == before


def test_a_stop_in_the_first_epoch_binds_the_configuration(run, command_line):
    """Its checkpoint belongs to it, although no epoch is in metrics.csv."""
    for name in ("DONE", "metrics.csv"):
        (run / name).unlink()
    code, _, err = command_line(
        *TINY, *SETTINGS, f"--run_dir={run}", "--gin_param=NOISE=0.1"
    )
    assert code == 2 and "holds a run of another configuration" in err


def test_divergence_ends_with_code_three(tmp_path, command_line):
    code, _, err = command_line(
        *TINY,
        *SETTINGS,
        f"--run_dir={tmp_path / 'run'}",
        "--gin_param=LEARNING_RATE=1e30",
    )
    assert code == 3 and one_line(err) and "lower LEARNING_RATE" in err
    assert (tmp_path / "run" / "FAILED").is_file()
    assert not (tmp_path / "run" / "DONE").exists()


def test_json_files_hold_no_nan(tmp_path):
    from fsr_gdw_tf.io.files import write_json

    write_json(tmp_path / "a.json", {"a": [float("nan"), 1.5], "b": 2})
    text = (tmp_path / "a.json").read_text()
    assert json.loads(text) == {"a": [None, 1.5], "b": 2}
