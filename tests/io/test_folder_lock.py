"""One process at a time writes to a folder."""

import os
import subprocess
import sys

import pytest
from end_to_end.lock_pairs import winners

from fsr_gdw_tf import InvalidInput
from fsr_gdw_tf.io.folder_lock import folder_lock

HOLD = """
import sys
from pathlib import Path
from fsr_gdw_tf.io.folder_lock import folder_lock
with folder_lock(Path(sys.argv[1])):
    print("locked", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path):
    """Start a process that holds the lock until it is killed."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, tmp_path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "locked\n"
    yield process
    process.kill()
    process.communicate()


def test_a_second_process_is_told_who_writes(holder, tmp_path):
    told = f"another process is writing to .* \\(process {holder.pid} on "
    with pytest.raises(InvalidInput, match=told), folder_lock(tmp_path):
        pass


def test_a_killed_process_leaves_no_lock(holder, tmp_path):
    holder.kill()
    holder.wait()
    with folder_lock(tmp_path):
        pass


def test_it_can_be_locked_again_after_an_error(tmp_path):
    with pytest.raises(KeyError), folder_lock(tmp_path):
        raise KeyError
    with folder_lock(tmp_path):
        pass


@pytest.mark.parametrize("content", ["", "[1]", '{"pid": 1}', "\0" * 2000])
def test_a_foreign_lock_file_is_only_data(content, tmp_path):
    (tmp_path / ".lock").write_text(content)
    with folder_lock(tmp_path):
        (tmp_path / ".lock").write_text(content)
        with (
            pytest.raises(InvalidInput, match="another process is writing"),
            folder_lock(tmp_path),
        ):
            pass


def test_neither_links_nor_pipes_are_opened(tmp_path):
    other = tmp_path / "other"
    other.write_text("precious")
    for name, make in (
        ("link", lambda lock: lock.symlink_to(other)),
        ("pipe", os.mkfifo),
    ):
        (tmp_path / name).mkdir()
        make(tmp_path / name / ".lock")
        with pytest.raises(InvalidInput), folder_lock(tmp_path / name):
            pass
    assert other.read_text() == "precious"


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(InvalidInput, match="cannot write to"),
        folder_lock(tmp_path / "file" / "run"),
    ):
        pass


def test_of_two_processes_that_begin_at_once_one_wins(tmp_path):
    """The long version: tests/end_to_end/lock_pairs.py --pairs=50."""
    assert len(winners(tmp_path, 8)) == 8
