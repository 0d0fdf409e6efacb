"""The launch scripts: what they would run, what they refuse, real small runs.

Programs that are not here (srun, kubectl, gcloud) are stood in for by scripts
that write down how they were called.
"""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fsr_gdw_tf.io.run_folder import RunFolder

ROOT = Path(__file__).parents[1]
LAUNCH = ROOT / "launch"
RECIPE = "--gin_file=gin/digits.gin"
KUBERNETES = ("kubernetes/run.sh", "--image=a/b:1", "--run_dir=/data/r")
SCRIPTS = {
    "local.sh": [RECIPE],
    "multi_gpu.sh": ["2", RECIPE],
    "multi_worker.sh": ["--localhost", "2", "--port", "4000", RECIPE],
    "slurm.sbatch": [RECIPE],
    "kubernetes/run.sh": [*KUBERNETES[1:], RECIPE],
    "tpu_vm.sh": ["resume", "webvision", "--zone=z-a", "--disk=d"],
}
TINY = [
    RECIPE,
    "--gin_file=gin/methods/supervised.gin",
    "--gin_param=EPOCHS=1",
    "--gin_param=TRAIN_EXAMPLES=120",
    "--gin_param=BATCH_SIZE=30",
    "--gin_param=small_cnn.widths=(4, 8)",
    "--mode=train",
]


def environment(**more) -> dict:
    """This one, but for what would change what the scripts do."""
    unset = ("TF_CONFIG", "CUDA_VISIBLE_DEVICES", "PORT", "PYTHONPATH")
    kept = {
        k: v
        for k, v in os.environ.items()
        if k not in unset and not k.startswith(("SLURM_", "CLOUDSDK_"))
    }
    return kept | {"PYTHON": sys.executable} | more


def launch(cwd, script, *args, timeout=60, **more):
    return subprocess.run(
        ["bash", str(LAUNCH / script), *args],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        env=environment(**more),
        timeout=timeout,
    )


def dry(cwd, script, *args, **more) -> list[str]:
    """The lines of a dry run."""
    ended = launch(cwd, script, "--dry-run", *args, **more)
    assert (ended.returncode, ended.stderr) == (0, "")
    return ended.stdout.splitlines()


def variables(line: str) -> dict:
    """The environment that a line of a dry run sets."""
    words = shlex.split(line)
    assert words[:3] == ["env", "-u", "TF_CONFIG"]
    return dict(w.split("=", 1) for w in words[3 : words.index("-m") - 1])


def tf_config(line: str) -> dict:
    return json.loads(variables(line)["TF_CONFIG"])


def flags(line: str) -> list[str]:
    """What main would get."""
    words = shlex.split(line)
    return [w for w in words[words.index("fsr_gdw_tf.main") + 1 :] if w != "&"]


def stand_in(folder: Path, name: str, text: str) -> str:
    """A program of that name; returns its path."""
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/usr/bin/env bash\n{text}\n")
    path.chmod(0o755)
    return str(path)


def first_on_path(folder: Path) -> str:
    return f"{folder}:{os.environ['PATH']}"


@pytest.mark.parametrize("script", SCRIPTS)
def test_help_is_the_head_of_the_script(script, tmp_path):
    ended = launch(tmp_path, script, "--help")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert f"launch/{script}" in ended.stdout and "--dry-run" in ended.stdout
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


def localhost(*args):
    return "multi_worker.sh", "--localhost=2", *args


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


def start_workers(cwd, *args, **more):
    script, *rest = localhost(*args)
    # A shell cannot trap what was ignored when it began, as under nohup.
    heeding = ["env", "--default-signal=INT", "bash"]
    return subprocess.Popen(
        [*heeding, str(LAUNCH / script), *rest],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=cwd,
        env=environment(**more),
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


KINDS = ("Service", "PersistentVolumeClaim", "Job")


def yaml_of(cwd, *args) -> str:
    first, *lines, last = dry(cwd, *KUBERNETES, *args, RECIPE)
    assert (first, last) == ("kubectl apply -f - <<'YAML'", "YAML")
    return "\n".join(lines) + "\n"


def check_yaml(text: str):
    """What a reader of YAML would stumble over first."""
    lines = [x for x in text.splitlines() if not x.lstrip().startswith("#")]
    kinds = [x for x in lines if x.startswith("kind: ")]
    assert kinds == [f"kind: {k}" for k in KINDS]
    assert lines.count("---") == 2
    entry = re.compile(r'( *)(- )?([\w./-]+:( \S.*)?|"[^\t]*"|\||[\w-]+)')
    snippet, depth = snippet_of(text), 0
    for line in lines:
        if line == "---" or line.strip() in snippet:
            continue
        found = entry.fullmatch(line.split("  #")[0])
        assert found, line
        indent = len(found[1])
        assert indent % 2 == 0 and indent <= depth + 4, line
        depth = indent


def snippet_of(text: str) -> list[str]:
    """The shell script in the arguments of the container."""
    _, _, block = text.partition("            - |\n")
    block, _, _ = block.partition("            - train\n")
    return [line.strip() for line in block.splitlines()]


def test_kubernetes_fills_in_what_differs(tmp_path):
    text = yaml_of(
        tmp_path, "--workers=3", "--gpus=8", "--name=web", "--gin_param=A='b'"
    )
    check_yaml(text)
    assert "  completionMode: Indexed\n" in text
    assert "  completions: 3\n  parallelism: 3\n" in text
    assert 'name: WORKERS\n              value: "3"\n' in text
    assert "nvidia.com/gpu: 8\n" in text and 'image: "a/b:1"\n' in text
    # Service, Job and subdomain have to be of one name, the volume of another.
    assert text.count("  name: web\n") == 2 and "subdomain: web\n" in text
    assert "fsr-gdw-tf" not in text and "claimName: training-data\n" in text
    _, given = text.split("            - train\n")
    assert given.startswith(
        "            - \"--gin_param=STRATEGY='multi_worker'\"\n"
        '            - "--run_dir=/data/r"\n'
        "            - \"--gin_param=A='b'\"\n"
        '            - "--gin_file=gin/digits.gin"\n'
        "          ports:\n"
    )


def test_kubernetes_saves_starts_again_and_shares_the_volume(tmp_path):
    text = yaml_of(tmp_path)
    for line in (
        "clusterIP: None",
        "restartPolicy: OnFailure",
        "terminationGracePeriodSeconds: 120",
        "- ReadWriteMany",
        "mountPath: /data",
    ):
        assert f" {line}\n" in text
    assert re.search(r"^  backoffLimit: \d+", text, re.MULTILINE)


def test_kubernetes_quotes_what_yaml_and_kubernetes_would_read(tmp_path):
    text = yaml_of(tmp_path, '--gin_param=A="\\d $(B)"')
    assert '            - "--gin_param=A=\\"\\\\d $$(B)\\""\n' in text


def test_the_yaml_is_good_without_the_script():
    check_yaml((LAUNCH / "kubernetes" / "job.yaml").read_text())


@pytest.mark.parametrize("shell", ["bash", "sh"])
def test_a_pod_is_told_of_all_and_which_it_is(shell, tmp_path):
    stand_in(tmp_path, "python", 'echo "$TF_CONFIG"; printf "%s\n" "$@" >&2')
    script = "\n".join(snippet_of(yaml_of(tmp_path, "--workers=3")))
    ended = subprocess.run(
        [shell, "-euc", script, "train", "--gin_param=A='b c'"],
        capture_output=True,
        text=True,
        check=True,
        env={
            "PATH": first_on_path(tmp_path),
            "JOB": "web",
            "WORKERS": "3",
            "JOB_COMPLETION_INDEX": "1",
        },
    )
    assert json.loads(ended.stdout) == {
        "cluster": {
            "worker": ["web-0.web:2222", "web-1.web:2222", "web-2.web:2222"]
        },
        "task": {"type": "worker", "index": 1},
    }
    given = ["-m", "fsr_gdw_tf.main", "--gin_param=A='b c'"]
    assert ended.stderr.splitlines() == given


def test_kubectl_gets_what_the_dry_run_shows(tmp_path):
    stand_in(tmp_path, "kubectl", 'echo "$@"; cat')
    ended = launch(tmp_path, *KUBERNETES, RECIPE, PATH=first_on_path(tmp_path))
    assert ended.stdout == "apply -f -\n" + yaml_of(tmp_path)


def tpu(cwd, *args) -> list[list[str]]:
    """The commands of a dry run, as words."""
    return [
        shlex.split(line)
        for line in dry(cwd, "tpu_vm.sh", *args, "--zone=us-west4-a")
    ]


def on_vm(words: list[str]) -> str:
    """What the VM would run; at least a shell can read it."""
    assert words[:5] == ["gcloud", "compute", "tpus", "tpu-vm", "ssh"]
    (text,) = [w for w in words if w.startswith("--command=")]
    text = text.removeprefix("--command=")
    subprocess.run(["bash", "-nc", text], check=True)
    return text


def test_tpu_creates_with_the_disk_and_deletes_without(tmp_path):
    (made,) = tpu(tmp_path, "create", "--disk=photos", "--spot")
    assert made[4:6] == ["create", "fsr-gdw-tf"]
    assert "--accelerator-type=v5litepod-8" in made and "--spot" in made
    disk = "projects/PROJECT/zones/us-west4-a/disks/photos"
    assert f"--data-disk=source={disk},mode=read-write" in made
    (gone,) = tpu(tmp_path, "delete")
    assert gone[4:] == [
        "delete",
        "fsr-gdw-tf",
        "--quiet",
        "--zone=us-west4-a",
    ]


def test_tpu_gets_the_wheel_in_place_of_tensorflow(tmp_path):
    *_, last = tpu(tmp_path, "install")
    pip = [shlex.split(x)[1:] for x in on_vm(last).split(" && ")]
    needed, without, wheel, its_needs, ours = pip
    text = (ROOT / "setup.py").read_text().split("install_requires=")[1]
    asked = re.findall(r'^ {8}"(\S+)"', text.split("]")[0], re.MULTILINE)
    others = [a for a in asked if not a.startswith("tensorflow>=")]
    assert needed == ["install", *others] and len(others) == len(asked) - 1
    assert len(needed) == len(asked) and "keras>=3.12" in needed
    assert without == ["uninstall", "-y", "tensorflow"]
    assert wheel[-1] == its_needs[-1] == "tensorflow-tpu==2.20.0"
    assert "--no-deps" in ours and ours[-1].startswith("./fsr_gdw_tf-")


@pytest.mark.parametrize("recipe", ["webvision", "inaturalist"])
def test_tpu_runs_in_bfloat16_with_batches_that_eight_divides(recipe, tmp_path):
    (run,) = tpu(tmp_path, "run", recipe, "--gin_param=EPOCHS=2")
    given = flags(on_vm(run).split(" >>")[0])
    settings = dict(
        g.removeprefix("--gin_param=").split("=", 1)
        for g in given
        if g.startswith("--gin_param=")
    )
    assert settings["STRATEGY"] == "'tpu'"
    assert settings["PRECISION"] == "'mixed_bfloat16'"
    assert settings["STEPS_PER_EXECUTION"] == "50"
    assert int(settings["BATCH_SIZE"]) % 8 == 0
    text = (ROOT / "gin" / f"{recipe}.gin").read_text()
    assert f"\nBATCH_SIZE = {settings['BATCH_SIZE']}\n" in text
    assert given[0] == f"--gin_file=gin/{recipe}.gin"
    assert given[-1] == "--gin_param=EPOCHS=2"


def test_tpu_resumes_on_a_new_vm_with_the_old_disk(tmp_path):
    verbs = [
        words[4] if words[0] == "gcloud" else "wheel"
        for words in tpu(tmp_path, "resume", "webvision", "--disk=photos")
    ]
    assert verbs == ["delete", "create", "wheel", "scp", *["ssh"] * 4]


def test_the_head_of_the_tpu_script_says_what_was_not_tried(tmp_path):
    text = launch(tmp_path, "tpu_vm.sh", "--help").stdout
    assert "NOT TRIED ON A TPU" in text and "tensorflow-tpu 2.20.0" in text


def check_run(folder: Path, epochs: int = 1):
    """It came to its end, and no epoch was written twice or left out."""
    assert (folder / "DONE").is_file() and (folder / "run.json").is_file()
    rows = [row["epoch"] for row in RunFolder(folder).metrics()]
    assert rows == list(range(1, epochs + 1))


@pytest.mark.slow
def test_local_trains_where_the_user_stands(tmp_path):
    ended = launch(tmp_path, "local.sh", *TINY, "--run_dir=run", timeout=300)
    assert ended.returncode == 0, ended.stderr
    check_run(tmp_path / "run")


@pytest.mark.slow
def test_multi_gpu_trains_on_logical_cpus(tmp_path):
    args = ["2", "--cpu", *TINY, "--run_dir=run"]
    ended = launch(tmp_path, "multi_gpu.sh", *args, timeout=300)
    assert ended.returncode == 0, ended.stderr
    check_run(tmp_path / "run")
    about = json.loads((tmp_path / "run" / "run.json").read_text())
    assert (about["strategy"], about["replicas"]) == ("mirrored", 2)


@pytest.mark.slow
def test_workers_save_when_told_and_the_same_command_goes_on(tmp_path):
    """Ten batches per epoch: hosts agree on leaving every 20 of them."""
    small = ["--gin_param=BATCH_SIZE=12", "--gin_param=EPOCHS=8"]
    args = [*TINY, *small, "--run_dir=run"]
    with start_workers(tmp_path, *args) as run:
        deadline = time.monotonic() + 240
        while not RunFolder(tmp_path / "run").metrics():
            assert run.poll() is None and time.monotonic() < deadline
            time.sleep(0.05)
        run.send_signal(signal.SIGTERM)
        out, err = run.communicate(timeout=240)
    assert run.returncode == 143, err
    assert "[0] SIGTERM: saved after step" in out and "[1]" not in out
    assert not (tmp_path / "run" / "DONE").exists()
    script, *rest = localhost(*args)
    ended = launch(tmp_path, script, *rest, timeout=300)
    assert ended.returncode == 0, ended.stderr
    check_run(tmp_path / "run", epochs=8)


@pytest.mark.slow
def test_workers_that_are_set_wrongly_end_at_once(tmp_path):
    ended = launch(
        tmp_path, *localhost(*TINY, "--gin_param=NOSIE=0.2"), timeout=60
    )
    assert ended.returncode == 2
    assert "error: no setting 'NOSIE': did you mean 'NOISE'?" in ended.stderr
