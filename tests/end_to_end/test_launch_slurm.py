"""The launch script of Slurm."""

import shlex
import shutil

import pytest
from support.launch import (
    LAUNCH,
    RECIPE,
    dry,
    first_on_path,
    launch,
    stand_in,
    tf_config,
)

SCONTROL = """echo "$@" >> "$CALLS"
case $1-$2 in
    show-hostnames) [[ $3 == 'gpu[07-08]' ]] && printf 'gpu07\\ngpu08\\n' ;;
    show-job) echo "   Command=$SCRIPT --x=y" ;;
esac
"""


@pytest.fixture
def slurm(tmp_path):
    """The variables of a job on two nodes, and a scontrol that knows them."""
    stand_in(tmp_path / "slurm", "scontrol", SCONTROL)
    return {
        "PATH": first_on_path(tmp_path / "slurm"),
        "CALLS": str(tmp_path / "calls"),
        "SCRIPT": str(LAUNCH / "slurm.sbatch"),
        "SLURM_JOB_ID": "120007",
        "SLURM_JOB_NODELIST": "gpu[07-08]",
        "SLURM_NODEID": "1",
        "SLURM_PROCID": "1",
    }


def check_slurm(lines):
    step, *rest = lines
    hosts = "gpu07:20007,gpu08:20007"
    words = shlex.split(step)
    assert words[0] == "srun" and "--wait=120" in words
    assert words[words.index("--hosts") + 1] == hosts and words[-1] == RECIPE
    for index, line in enumerate(x for x in rest if not x.startswith("#")):
        assert tf_config(line) == {
            "cluster": {"worker": ["gpu07:20007", "gpu08:20007"]},
            "task": {"type": "worker", "index": index},
        }
    assert len(rest) == 4


def test_slurm_names_the_nodes_of_the_job(tmp_path, slurm):
    check_slurm(dry(tmp_path, "slurm.sbatch", RECIPE, **slurm))


def test_slurm_finds_the_scripts_from_the_copy_that_it_runs(tmp_path, slurm):
    copy = tmp_path / "slurm_script"
    shutil.copy(LAUNCH / "slurm.sbatch", copy)
    check_slurm(dry(tmp_path, copy, RECIPE, **slurm))


def test_a_task_of_slurm_knows_its_index(tmp_path, slurm):
    (line,) = dry(
        tmp_path, "multi_worker.sh", "--hosts=a:1,b:2", RECIPE, **slurm
    )
    assert tf_config(line)["task"]["index"] == 1


@pytest.mark.parametrize("code, goes_on", [(143, True), (2, False), (0, False)])
def test_slurm_queues_again_what_was_told_to_save(
    code, goes_on, tmp_path, slurm
):
    stand_in(tmp_path / "slurm", "srun", f"exit {code}")
    ended = launch(tmp_path, "slurm.sbatch", RECIPE, **slurm)
    assert ended.returncode == code
    calls = (tmp_path / "calls").read_text()
    assert ("requeue 120007\n" in calls) == goes_on


def test_slurm_leaves_a_job_alone_that_somebody_cancels(tmp_path, slurm):
    """Then the shell of the job is told, too."""
    stand_in(tmp_path / "slurm", "srun", "kill $PPID; exit 143")
    ended = launch(tmp_path, "slurm.sbatch", RECIPE, **slurm)
    assert ended.returncode == 143
    assert "requeue" not in (tmp_path / "calls").read_text()


def test_slurm_asks_for_a_warning_and_for_another_turn(tmp_path):
    text = (LAUNCH / "slurm.sbatch").read_text()
    asked = [x.split()[1] for x in text.splitlines() if x.startswith("#SBATCH")]
    assert {"--signal=TERM@120", "--requeue"} <= set(asked)
    assert "--ntasks-per-node=1" in asked and "--open-mode=append" in asked
    # SLURM reads them up to the first command.
    assert text.rindex("#SBATCH") < text.index("set -euo pipefail")


def test_slurm_takes_placeholders_elsewhere(tmp_path):
    *_, line = dry(tmp_path, "slurm.sbatch", RECIPE, SLURM_NNODES="3", PORT="9")
    assert tf_config(line) == {
        "cluster": {"worker": ["node0:9", "node1:9", "node2:9"]},
        "task": {"type": "worker", "index": 2},
    }
