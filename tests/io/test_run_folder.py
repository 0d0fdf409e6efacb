"""The run folder on several hosts."""

import json

import pytest

from fsr_gdw_tf import InvalidInput
from fsr_gdw_tf.io.files import atomic_write
from fsr_gdw_tf.io.run_folder import RunFolder


def test_what_a_killed_writer_has_left_is_removed(tmp_path):
    """Nothing else is, whatever its name."""
    kept = [tmp_path / ".hidden.tmp", tmp_path / ".0123.tmp.csv"]
    for file in kept:
        file.write_text("")
    (tmp_path / "report").mkdir()
    left = []
    for path in (tmp_path / "metrics.csv", tmp_path / "report" / "index.html"):
        with atomic_write(path) as temporary:
            temporary.write_text("half")
            left.append(temporary)
    for temporary in left:  # as after kill -9
        temporary.write_text("half")
    (tmp_path / "config.gin").write_text("A = 1")
    with RunFolder(tmp_path).open("A = 1"):
        pass
    assert not any(temporary.exists() for temporary in left)
    assert all(file.exists() for file in kept)


def test_a_home_folder_is_written_in_one_way(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert RunFolder("~/run").path == tmp_path / "run"


def test_a_host_that_does_not_see_the_first_ones_files_is_told(
    tmp_path, monkeypatch
):
    cluster = {"worker": ["a:1", "b:1"]}
    task = {"type": "worker", "index": 1}
    gin_config = json.dumps({"cluster": cluster, "task": task})
    monkeypatch.setenv("TF_CONFIG", gin_config)
    with pytest.raises(
        InvalidInput, match="must be a folder shared by all hosts"
    ):
        RunFolder(tmp_path).require_shared(patience=1)
    (tmp_path / "config.gin").write_text("")
    RunFolder(tmp_path).require_shared(patience=1)
