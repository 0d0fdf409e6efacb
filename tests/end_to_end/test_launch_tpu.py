"""The launch script of Cloud TPUs."""

import re
import shlex
import subprocess

import pytest
from support.launch import ROOT, dry, flags, launch


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
