"""Files that only the chief writes."""

import json

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
