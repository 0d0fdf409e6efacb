"""The hosts of TF_CONFIG."""

import signal

import pytest
from end_to_end.kill_and_resume import cluster
from support.forked import run_forked
from support.runs import TINY, one_line

HOSTS = {
    "no JSON": ("{worker", "TF_CONFIG does not parse"),
    "no cluster": ('{"task": {}}', "TF_CONFIG does not parse (KeyError"),
    "no such worker": (
        '{"cluster": {"worker": ["a:1", "b:1"]}, '
        '"task": {"type": "worker", "index": 2}}',
        "TF_CONFIG has no worker 2: its cluster is {'worker': 2}",
    ),
    "no such task": (
        '{"cluster": {"worker": ["a:1"]}, "task": {"type": "ps", "index": 0}}',
        "TF_CONFIG has no ps 0",
    ),
    "no lists": (
        '{"cluster": {"worker": "a:1,b:1"}, '
        '"task": {"type": "worker", "index": 0}}',
        "TF_CONFIG does not parse",
    ),
    "numbers": (
        '{"cluster": {"worker": 2}, "task": {"type": "worker", "index": 0}}',
        "TF_CONFIG does not parse",
    ),
    "each alone": (
        '{"cluster": {"chief": ["a:1"], "worker": ["b:1"]}, '
        '"task": {"type": "worker", "index": 0}}',
        "TF_CONFIG names 2 hosts, which would each train alone",
    ),
}


@pytest.mark.parametrize("case", HOSTS)
def test_bad_hosts_are_bad_input(case, tmp_path, command_line, monkeypatch):
    text, message = HOSTS[case]
    monkeypatch.setenv("TF_CONFIG", text)
    flags = [*TINY, "--mode=train", "--gin_param=STRATEGY='one'"]
    code, _, err = command_line(*flags, f"--run_dir={tmp_path}/run")
    assert code == 2 and one_line(err), err
    assert message in err


TOLD_TO_STOP = """
import os, signal, time
from fsr_gdw_tf.distribution.devices import make_strategy
make_strategy("multi_worker")
os.kill(os.getpid(), signal.SIGTERM)
time.sleep(1)
print("goes on")
"""


def test_a_host_that_is_told_to_stop_before_training_ends(tmp_path):
    """TensorFlow catches SIGTERM once there are hosts, and does nothing."""
    (tmp_path / "program.py").write_text(TOLD_TO_STOP)
    ended = run_forked([tmp_path / "program.py"], *cluster(1))
    assert ended.returncode == -signal.SIGTERM, ended.stderr
    assert not ended.stdout
