"""The launch scripts: one machine, several GPUs, several workers."""

import shutil
import signal
import subprocess
import time

import pytest
from support.launch import (
    KUBERNETES,
    RECIPE,
    ROOT,
    SCRIPTS,
    TINY,
    dry,
    first_on_path,
    flags,
    launch,
    localhost,
    stand_in,
    start_workers,
    tf_config,
    variables,
)


@pytest.mark.parametrize("script", SCRIPTS)
def test_help_is_the_head_of_the_script(script, tmp_path):
    ended = launch(tmp_path, script, "--help")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert f"launch/{script}" in ended.stdout and "--dry-run" in ended.stdout
    assert (script in OUTSIDE) == ("--yes" in ended.stdout)
    assert "set -e" not in ended.stdout and "#" not in ended.stdout


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_dry_run_starts_nothing_and_writes_nothing(script, tmp_path):
    fakes, here = tmp_path / "fakes", tmp_path / "here"
    here.mkdir()
    called = f'echo "$0" >> {tmp_path}/called'
    for name in ("python", "srun", "kubectl", "gcloud"):
        stand_in(fakes, name, called)
    python = str(fakes / "python")
    path = first_on_path(fakes)
    assert dry(here, script, *SCRIPTS[script], PYTHON=python, PATH=path)
    assert not (tmp_path / "called").exists() and not list(here.iterdir())


OUTSIDE = ["kubernetes/run.sh", "tpu_vm.sh"]


@pytest.mark.parametrize("script", OUTSIDE)
def test_nothing_is_done_outside_without_yes(script, tmp_path):
    """It prints what it would do, and how to do it."""
    for name in ("python", "kubectl", "gcloud"):
        stand_in(tmp_path, name, f'echo "$0 $*" >> {tmp_path}/called')
    path = {"PATH": first_on_path(tmp_path), "PYTHON": f"{tmp_path}/python"}
    shown = dry(tmp_path, script, *SCRIPTS[script], **path)
    for both in ([], ["--yes", "--dry-run"]):
        ended = launch(tmp_path, script, *SCRIPTS[script], *both, **path)
        assert ended.returncode == 0 and ended.stdout.splitlines() == shown
        hint = "nothing was done; add --yes to do it\n"
        assert ended.stderr == ("" if both else hint)
    assert not (tmp_path / "called").exists()
    launch(tmp_path, script, *SCRIPTS[script], "--yes", **path)
    assert (tmp_path / "called").exists()


WRONG = {
    "no recipe": (["local.sh"], "pass --gin_file=gin/digits.gin"),
    "a word": (["local.sh", RECIPE, "train"], "unexpected argument 'train'"),
    "a flag in two words": (
        ["local.sh", "--gin_file", "gin/digits.gin"],
        "unexpected argument '--gin_file'; flags of main are given as --name=",
    ),
    "no GPUs": (["multi_gpu.sh", "0", RECIPE], "1 or more, got '0'"),
    "some GPUs": (["multi_gpu.sh", "two", RECIPE], "whole number, 1 or more"),
    "nowhere": (["multi_worker.sh", RECIPE], "pass --hosts host0:2222"),
    "no index": (
        ["multi_worker.sh", RECIPE, "--hosts=a:1,b:1"],
        "needs --index",
    ),
    "a large index": (
        ["multi_worker.sh", RECIPE, "--hosts=a:1,b:1", "--index=2"],
        "--index must be below 2, the number of hosts, got '2'",
    ),
    "no port": (
        ["multi_worker.sh", RECIPE, "--hosts=a:1,b", "--index=0"],
        "--hosts takes host0:2222,host1:2222, got 'b'",
    ),
    "no worker": (["multi_worker.sh", RECIPE, "--localhost=0"], "got '0'"),
    "no value": (["multi_worker.sh", RECIPE, "--hosts"], "needs a value"),
    "a large port": (
        ["multi_worker.sh", RECIPE, "--localhost=2", "--port=65535"],
        "--port is too large: 65535",
    ),
    "here and there": (
        ["multi_worker.sh", RECIPE, "--localhost=2", "--hosts=a:1"],
        "exclude each other",
    ),
    "no job": (["slurm.sbatch", RECIPE], "this is a job: sbatch"),
    "no image": (["kubernetes/run.sh", RECIPE], "--image names a container"),
    "a run of one pod": (
        ["kubernetes/run.sh", "--image=a", RECIPE],
        "pass --run_dir=/data/...",
    ),
    "a name": ([*KUBERNETES, RECIPE, "--name=A_b"], "got 'A_b'"),
    "no verb": (["tpu_vm.sh", "--zone=z"], "pass create, install, run, "),
    "no zone": (["tpu_vm.sh", "create", "--disk=d"], "--zone names the zone"),
    "no disk": (["tpu_vm.sh", "create", "--zone=z"], "--disk names the"),
    "a recipe": (["tpu_vm.sh", "run", "digits", "--zone=z"], "got 'digits'"),
    "a type": (
        ["tpu_vm.sh", "create", "--zone=z", "--disk=d", "--type=gpu"],
        "--type takes v5litepod-8",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_arguments_end_in_one_line_and_code_two(case, tmp_path):
    (script, *args), message = WRONG[case]
    ended = launch(tmp_path, script, *args)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith("error: ")
    assert ended.stderr.count("\n") == 1 and message in ended.stderr


def test_local_passes_all_flags_on(tmp_path):
    (line,) = dry(tmp_path, "local.sh", *TINY, "--run_dir=runs/a")
    assert flags(line) == [*TINY, "--run_dir=runs/a"]
    assert variables(line) == {"PYTHONPATH": str(ROOT)}


def test_the_line_of_a_dry_run_can_be_pasted(tmp_path):
    """All that a shell could misread comes through as it was given."""
    python = stand_in(tmp_path / "it's here", "python", 'printf "%s\n" "$@"')
    hard = [
        "--gin_param=A='b c'",
        '--gin_param=A="$HOME `ls` \\ \'!"',
        "--gin_param=A=(1, *)",
        "--gin_param=A=",
        "--run_dir=~/a;b&c",
    ]
    (line,) = dry(tmp_path, "local.sh", RECIPE, *hard, PYTHON=python)
    pasted = subprocess.check_output(["bash", "-c", line], text=True)
    assert pasted.splitlines() == ["-m", "fsr_gdw_tf.main", RECIPE, *hard]


def test_multi_gpu_mirrors_and_the_user_has_the_last_word(tmp_path):
    mirrored = "--gin_param=STRATEGY='mirrored'"
    (line,) = dry(tmp_path, "multi_gpu.sh", RECIPE)
    assert flags(line) == [mirrored, RECIPE]
    (line,) = dry(tmp_path, "multi_gpu.sh", "--cpu", "4", RECIPE)
    assert flags(line) == [
        mirrored,
        "--gin_param=REPLICAS=4",
        "--gin_param=DEVICE='CPU'",
        RECIPE,
    ]


def test_each_host_is_told_of_all_and_which_it_is(tmp_path):
    hosts = "--hosts=host0:2222,host1:2223"
    for index in (0, 1):
        (line,) = dry(
            tmp_path, "multi_worker.sh", hosts, f"--index={index}", *TINY
        )
        assert tf_config(line) == {
            "cluster": {"worker": ["host0:2222", "host1:2223"]},
            "task": {"type": "worker", "index": index},
        }
        assert flags(line) == ["--gin_param=STRATEGY='multi_worker'", *TINY]


def test_localhost_gives_each_worker_a_port_and_the_same_flags(tmp_path):
    *lines, last = dry(tmp_path, *localhost("--port=4000", *TINY))
    assert last == "wait" and len(lines) == 2
    for index, line in enumerate(lines):
        assert line.endswith(" &")
        assert tf_config(line) == {
            "cluster": {"worker": ["localhost:4000", "localhost:4001"]},
            "task": {"type": "worker", "index": index},
        }
        assert flags(line) == ["--gin_param=STRATEGY='multi_worker'", *TINY]


def test_localhost_finds_free_ports(tmp_path):
    workers = tf_config(dry(tmp_path, *localhost(RECIPE))[0])["cluster"]
    ports = {int(w.removeprefix("localhost:")) for w in workers["worker"]}
    assert len(ports) == 2 and all(1024 <= p < 65536 for p in ports)


@pytest.mark.parametrize("gpus, each", [("5,7,8", ["5", "7"]), ("5", ["", ""])])
def test_localhost_never_puts_two_workers_on_one_gpu(gpus, each, tmp_path):
    lines = dry(tmp_path, *localhost(RECIPE), CUDA_VISIBLE_DEVICES=gpus)[:2]
    assert [variables(x)["CUDA_VISIBLE_DEVICES"] for x in lines] == each


WAITS = (
    'trap "echo saved; exit 143" TERM\necho ready\nwhile :; do sleep .1; done'
)
DEAF = 'trap "" TERM\nfor i in {1..300}; do sleep .1; done'
SECOND_FAILS = """case $TF_CONFIG in
    *'"index": 1}}') echo broken >&2; exit 3 ;;
esac
"""


def test_a_worker_that_fails_takes_the_others_along(tmp_path):
    python = stand_in(tmp_path, "python", SECOND_FAILS + WAITS)
    start = time.monotonic()
    ended = launch(tmp_path, *localhost("--port=4000", RECIPE), PYTHON=python)
    assert ended.returncode == 3 and time.monotonic() - start < 9
    assert "[1] broken" in ended.stderr
    assert "worker 1 ended with 3; ending the others" in ended.stderr
    assert "[0] saved" in ended.stdout


@pytest.mark.slow
def test_a_worker_that_does_not_listen_is_killed(tmp_path):
    python = stand_in(tmp_path, "python", SECOND_FAILS + DEAF)
    start = time.monotonic()
    ended = launch(tmp_path, *localhost("--port=4000", RECIPE), PYTHON=python)
    assert ended.returncode == 3 and time.monotonic() - start < 25


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_all_workers_are_told_to_save_and_leave(number, tmp_path):
    python = stand_in(tmp_path, "python", WAITS)
    with start_workers(tmp_path, "--port=4000", RECIPE, PYTHON=python) as run:
        heard = [run.stdout.readline(), run.stdout.readline()]
        run.send_signal(number)
        out, err = run.communicate(timeout=20)
    assert sorted(heard) == ["[0] ready\n", "[1] ready\n"]
    assert sorted(out.splitlines()) == ["[0] saved", "[1] saved"]
    assert (run.returncode, err) == (143, "")


@pytest.mark.skipif(not shutil.which("setpriv"), reason="needs util-linux")
def test_a_launcher_that_is_killed_takes_its_workers_along(tmp_path):
    """Killed with SIGKILL, which it cannot pass on; the workers save."""
    told = f'trap "touch {tmp_path}/$$.saved; exit 143" TERM\n'
    wait = "echo $$\nwhile :; do sleep .1; done"
    python = stand_in(tmp_path, "python", told + wait)
    with start_workers(tmp_path, "--port=4000", RECIPE, PYTHON=python) as run:
        pids = [run.stdout.readline().split()[-1] for _ in range(2)]
        run.kill()
        run.communicate(timeout=20)  # until nobody holds its output
    for pid in pids:
        assert (tmp_path / f"{pid}.saved").exists()


def test_a_closed_terminal_lets_the_workers_save(tmp_path):
    python = stand_in(tmp_path, "python", WAITS)
    with start_workers(tmp_path, "--port=4000", RECIPE, PYTHON=python) as run:
        for _ in range(2):
            run.stdout.readline()
        run.send_signal(signal.SIGHUP)
        out, err = run.communicate(timeout=20)
    assert sorted(out.splitlines()) == ["[0] saved", "[1] saved"], err


def test_make_clean_leaves_the_runs_alone():
    recipe = (ROOT / "Makefile").read_text().split("\nclean:\n")[1]
    assert "rm -rf" in recipe and "runs" not in recipe
