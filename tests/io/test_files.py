"""Files that only the chief writes, and rows that are appended."""

import json

import pytest
from support.files import largest_file

from fsr_gdw_tf.distribution import hosts
from fsr_gdw_tf.io import files
from fsr_gdw_tf.io.run_folder import RunFolder


def test_other_hosts_write_nothing(tmp_path, monkeypatch, capsys):
    cluster = {"chief": ["a:1"], "worker": ["b:1"]}
    task = {"type": "worker", "index": 0}
    gin_config = json.dumps({"cluster": cluster, "task": task})
    monkeypatch.setenv("TF_CONFIG", gin_config)
    files.write(tmp_path / "metrics.csv", "")
    hosts.print_on_chief("hello")
    assert not list(tmp_path.iterdir()) and not capsys.readouterr().out
    assert RunFolder(tmp_path).failed.name == "FAILED.1"


def test_rows_are_appended_whatever_ends_the_file(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"a,b\n1,2")
    files.append_csv(path, [{"a": 3, "b": "=x"}], ["a", "b"])
    files.append_csv(path, [{"a": 5, "b": "c\r"}], ["a", "b"])
    assert path.read_bytes() == b'a,b\n1,2\n3,\'=x\n5,"c\r"\n'


def test_a_full_disk_leaves_the_rows_that_were_there(tmp_path):
    path, text = tmp_path / "a.csv", b"a\n1\n"
    path.write_bytes(text)
    for more in range(3):  # bytes of the new row that fit
        with largest_file(len(text) + more), pytest.raises(OSError):
            files.append_csv(path, [{"a": "xy"}], ["a"])
        assert path.read_bytes() == text
    files.append_csv(path, [{"a": "xy"}], ["a"])
    assert path.read_bytes() == b"a\n1\nxy\n"
