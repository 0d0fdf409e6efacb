"""What `--mode=doctor` says of this machine."""

import keras
import pytest

from fsr_gdw_tf.experiments import doctor


def test_the_command_prints_versions_devices_and_memory(command_line):
    code, out, err = command_line("--mode=doctor")
    assert (code, err) == (0, "")
    assert f"\n  keras       {keras.__version__}\n" in out
    for title in ("versions", "machine", "devices", "optional packages"):
        assert f"{title}:\n" in out
    assert "\n  CPU:0" in out


def test_memory_is_read_as_linux_writes_it(tmp_path, monkeypatch):
    """12 GiB of 16, in KiB as in /proc/meminfo."""
    file = tmp_path / "meminfo"
    file.write_text("MemTotal: 16777216 kB\nMemAvailable: 12582912 kB\n")
    monkeypatch.setattr(doctor, "MEMORY_FILE", file)
    assert doctor.memory() == "12.0 of 16.0 GiB free"
    monkeypatch.setattr(doctor, "MEMORY_FILE", tmp_path / "none")
    assert doctor.memory() == "unknown"


@pytest.mark.parametrize(
    ("hidden", "driver", "advice"),
    [
        ("-1", "/usr/bin/nvidia-smi", "unset it to use GPUs"),
        ("0", None, "this machine has no nvidia-smi"),
        ("0", "/usr/bin/nvidia-smi", "pip install fsr-gdw-tf[gpu]"),
    ],
)
def test_it_is_said_why_there_is_no_gpu(hidden, driver, advice, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", hidden)
    monkeypatch.setattr("shutil.which", lambda _: driver)
    assert advice in doctor.no_gpu()


def test_a_missing_package_is_named_with_what_it_is_for(monkeypatch):
    package = {"no_such_package": ("nothing", "no-such-package")}
    monkeypatch.setattr(doctor, "OPTIONAL", package | {"keras": ("all", "")})
    lines = doctor.optional_packages()
    assert lines["no_such_package"] == (
        "nothing: missing: pip install 'no-such-package'"
    )
    assert lines["keras"] == "all: installed"
