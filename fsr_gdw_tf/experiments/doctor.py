"""What `--mode=doctor` prints: this machine, as training would find it."""

import importlib.util
import os
import platform
import shutil
from pathlib import Path

import tensorflow as tf

from fsr_gdw_tf.distribution.hosts import host, tpu_name
from fsr_gdw_tf.experiments.command_help import section
from fsr_gdw_tf.experiments.run_info import versions

GIB = 2**30
MEMORY_FILE = Path("/proc/meminfo")
# Importable name: what it is for, and what to install.
OPTIONAL = {
    "tensorboard": ("TensorBoard's logs", "fsr-gdw-tf[tensorboard]"),
    "pandas": ("data frames as training data", "pandas"),
    "keras_hub": ("KerasHub's models", "keras-hub"),
    "jax": ("exported train steps in benchmarks/", "fsr-gdw-tf[benchmark]"),
    "cleanlab": ("benchmarks/label_issues.py", "fsr-gdw-tf[benchmark]"),
    "playwright": ("tests of report pages", "fsr-gdw-tf[dev]"),
    "mkdocs": ("the documentation site", "fsr-gdw-tf[docs]"),
}


def diagnosis() -> str:
    """Return versions, devices, memory, and what is missing for what."""
    return "\n\n".join(
        [
            section("versions", versions()),
            section("machine", machine()),
            section("devices", devices()),
            section("optional packages", optional_packages()),
        ]
    )


def machine() -> dict[str, str]:
    """Return cores, memory and disk, and the hosts of a cluster."""
    cores = os.cpu_count()
    if hasattr(os, "sched_getaffinity"):  # on Linux
        cores = len(os.sched_getaffinity(0))
    disk = shutil.disk_usage(Path.cwd())
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "cores": f"{cores} of {os.cpu_count()}",
        "threads": " and ".join(
            f"{count or 'all cores'} {kind} operations"
            for kind, count in (
                ("in", tf.config.threading.get_intra_op_parallelism_threads()),
                (
                    "between",
                    tf.config.threading.get_inter_op_parallelism_threads(),
                ),
            )
        ),
        "memory": memory(),
        "disk": f"{disk.free / GIB:.1f} GiB free in {Path.cwd()}",
        "hosts": f"{host().count or 1} (TF_CONFIG)",
        "TPU_NAME": tpu_name() or "not set",
    }


def memory() -> str:
    """Return the memory that is free and that there is, where Linux says so."""
    if not MEMORY_FILE.is_file():
        return "unknown"
    lines = (line.split() for line in MEMORY_FILE.read_text().splitlines())
    kib = {words[0]: int(words[1]) for words in lines}
    free, total = kib["MemAvailable:"], kib["MemTotal:"]
    return f"{free / 2**20:.1f} of {total / 2**20:.1f} GiB free"


def devices() -> dict[str, str]:
    """Return the devices that TensorFlow sees, and why it may see no GPU."""
    found = {}
    for device in tf.config.list_physical_devices():
        details = tf.config.experimental.get_device_details(device)
        found[device.name.removeprefix("/physical_device:")] = str(
            details.get("device_name", "no details")
        )
    if not any(name.startswith("GPU") for name in found):
        found["GPU"] = no_gpu()
    return found


def no_gpu() -> str:
    """Return what to do if there should be a GPU."""
    if os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1"):
        return "hidden by CUDA_VISIBLE_DEVICES; unset it to use GPUs"
    if shutil.which("nvidia-smi") is None:
        return "none: this machine has no nvidia-smi, the driver's program"
    return "none: the driver is there; pip install fsr-gdw-tf[gpu]"


def optional_packages() -> dict[str, str]:
    """Return which packages are there, and for what the others are needed."""
    lines = {}
    for name, (purpose, requirement) in OPTIONAL.items():
        there = importlib.util.find_spec(name) is not None
        missing = f"missing: pip install '{requirement}'"
        lines[name] = f"{purpose}: {'installed' if there else missing}"
    return lines
