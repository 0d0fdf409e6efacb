"""Runs the launch scripts and reads the commands they print."""

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

from support.paths import ROOT

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
    "--gin_param=TRACK_LABELS=False",
    "--mode=train",
]


def environment(**more) -> dict:
    """Return the environment without variables that the scripts read."""
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
    """Return the lines that a dry run prints."""
    ended = launch(cwd, script, "--dry-run", *args, **more)
    assert (ended.returncode, ended.stderr) == (0, "")
    return ended.stdout.splitlines()


def variables(line: str) -> dict:
    """Return the environment variables that a printed line sets."""
    words = shlex.split(line)
    assert words[:3] == ["env", "-u", "TF_CONFIG"]
    return dict(w.split("=", 1) for w in words[3 : words.index("-m") - 1])


def tf_config(line: str) -> dict:
    return json.loads(variables(line)["TF_CONFIG"])


def flags(line: str) -> list[str]:
    """Return the flags that a printed line passes to main."""
    words = shlex.split(line)
    return [w for w in words[words.index("fsr_gdw_tf.main") + 1 :] if w != "&"]


def stand_in(folder: Path, name: str, text: str) -> str:
    """Write an executable script and return its path."""
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/usr/bin/env bash\n{text}\n")
    path.chmod(0o755)
    return str(path)


def first_on_path(folder: Path) -> str:
    return f"{folder}:{os.environ['PATH']}"


def localhost(*args):
    return "multi_worker.sh", "--localhost=2", *args


def start_workers(cwd, *args, **more):
    script, *rest = localhost(*args)
    # A shell cannot trap what was ignored when it began, as under nohup.
    heeding = ["env", "--default-signal=INT,HUP", "bash"]
    return subprocess.Popen(
        [*heeding, str(LAUNCH / script), *rest],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=cwd,
        env=environment(**more),
    )
