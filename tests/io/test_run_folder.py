"""The run folder on several hosts."""

import json

import pytest

from fsr_gdw_tf import InvalidInput
from fsr_gdw_tf.io.run_folder import RunFolder


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
