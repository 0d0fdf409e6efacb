"""Hundreds of bad inputs; each is answered in one line that says what is wrong.

No traceback, no hang, exit code 2, and nothing is trained. The cases stand in
bad_settings.py, bad_files.py and bad_arguments.py.
"""

import itertools

import pytest
from end_to_end.bad_arguments import ARGUMENTS
from end_to_end.bad_files import (
    FOLDERS,
    LISTS,
    RUNS,
    TEXT_LISTS,
    write_images,
)
from end_to_end.bad_settings import bad_settings
from support.figures import command
from support.runs import one_line

from fsr_gdw_tf import InvalidInput
from fsr_gdw_tf.experiments.experiment import Experiment

TRAIN = "--mode=train"
SETTINGS = {
    name: list(rows)
    for name, rows in itertools.groupby(
        bad_settings(), lambda row: row[1].partition("=")[0]
    )
}


@pytest.fixture
def no_training(monkeypatch):
    """Fail if a bad setting is accepted, before it is trained with."""

    def accepted(*_, **__):
        raise AssertionError("the setting was accepted")

    monkeypatch.setattr(Experiment, "__post_init__", accepted)


def test_there_are_six_hundred_cases():
    counts = [len(LISTS), len(TEXT_LISTS), len(FOLDERS), len(ARGUMENTS)]
    counts += [3 * len(RUNS), *map(len, SETTINGS.values())]
    assert sum(counts) >= 600


@pytest.mark.parametrize("name", SETTINGS)
def test_a_wrong_setting(name, command_line, no_training, tmp_path):
    for file, binding, told in SETTINGS[name]:
        code, out, err = command_line(
            *(f"--gin_file={file}", f"--gin_param={binding}", TRAIN),
            f"--run_dir={tmp_path / 'run'}",
        )
        assert code == 2 and not out, binding
        assert one_line(err) and err.startswith(f"error: {told}"), err
    assert not (tmp_path / "run").exists()


def train_on(list_or_folder, command_line):
    """Train on image files; return the one line that ends it."""
    kind = "folder" if list_or_folder.suffix == "" else "file_list"
    setting = "DATA_DIR" if kind == "folder" else "TRAIN_LIST"
    code, _, err = command_line(
        *(f"--gin_file=gin/{kind}.gin", TRAIN),
        f"--gin_param={setting}='{list_or_folder}'",
        f"--run_dir={list_or_folder.parent / 'run'}",
    )
    assert code == 2 and one_line(err), err
    return err


@pytest.mark.parametrize(
    ("suffix", "case"),
    [(s, c) for s, k in ((".csv", LISTS), (".txt", TEXT_LISTS)) for c in k],
)
def test_a_bad_list(suffix, case, tmp_path, command_line):
    content, told = {".csv": LISTS, ".txt": TEXT_LISTS}[suffix][case]
    content = content.encode() if isinstance(content, str) else content
    write_images(tmp_path)
    file = tmp_path / f"list{suffix}"
    file.write_bytes(content)
    assert told in train_on(file, command_line)


@pytest.mark.parametrize("case", FOLDERS)
def test_a_bad_folder(case, tmp_path, command_line):
    make, told = FOLDERS[case]
    (tmp_path / "photos").mkdir()
    make(tmp_path / "photos")
    assert told in train_on(tmp_path / "photos", command_line)


@pytest.mark.parametrize("case", RUNS)
def test_a_bad_run_folder(case, tmp_path, report_line, command_line, capsys):
    """The commands report, figures and --mode=evaluate."""
    make, told = RUNS[case]
    run = tmp_path / "run"
    run.mkdir()
    make(run)
    code, _, err = report_line(run)
    assert code == 2 and one_line(err) and told in err, err
    for code, _, err in (
        command(capsys, run),
        command_line(
            *("--gin_file=gin/digits.gin", "--mode=evaluate"),
            f"--run_dir={run}",
        ),
    ):
        assert code == 2 and one_line(err), err


@pytest.mark.parametrize("case", ARGUMENTS)
def test_a_bad_argument(case):
    call, told = ARGUMENTS[case]
    with pytest.raises(InvalidInput) as error:
        call()
    assert told in str(error.value)
    assert "\n" not in str(error.value)
