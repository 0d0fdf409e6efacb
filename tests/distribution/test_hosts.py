"""The hosts of TF_CONFIG."""

import pytest
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
