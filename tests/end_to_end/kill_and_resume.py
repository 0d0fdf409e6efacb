"""Stop a run at random moments, resume it, compare it with an undisturbed one.

    python tests/end_to_end/kill_and_resume.py --stops=12
    python tests/end_to_end/kill_and_resume.py --stops=4 --hosts=2

Stops are kill -9, SIGTERM, Ctrl-C and a full disk in turn; further arguments
are settings, such as TRAIN_EXAMPLES=400. Prints when each came and whether the
final weights agree in every bit. So must what was logged, and what is said of
the labels (on several hosts: to rounding). On one host the last start is of
Python itself; the others are forked, see support/forked.py.
"""

import argparse
import contextlib
import json
import os
import random
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
from support.forked import Forked

from fsr_gdw_tf.io.files import read_csv

PROGRAM = ["-m", "fsr_gdw_tf.main"]
# Everything with a state: FSR's dictionary, scores and new labels, MixUp, EMA,
# momentum, L2, cropping; and more than one step per call.
FLAGS = [
    "--gin_file=gin/digits.gin",
    "--gin_file=gin/methods/fsr.gin",
    "--mode=train",
    "--gin_param=EMA=0.99",
    "--gin_param=BATCH_SIZE=50",
    "--gin_param=InputPipeline.view=@CropFlip()",
    "--gin_param=CropFlip.padding=1",
    "--gin_param=REWARD_FEATURES='fresh'",
    "--gin_param=STEPS_PER_EXECUTION=3",
]
FULL_DISK = 0  # from then on no file can be written, nor the log
STOPS = [signal.SIGKILL, signal.SIGTERM, signal.SIGINT, FULL_DISK]


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on."""
    sockets = [socket.socket() for _ in range(count)]
    for s in sockets:
        s.bind(("localhost", 0))
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


def environments(hosts: int) -> list[dict]:
    """What each host's process finds in its environment."""
    return [dict(os.environ)] if hosts == 1 else cluster(hosts)


def cluster(hosts: int) -> list[dict]:
    """The same with TF_CONFIG, which one host can have as well."""
    workers = [f"localhost:{port}" for port in free_ports(hosts)]
    tasks = [{"type": "worker", "index": i} for i in range(hosts)]
    configs = [{"cluster": {"worker": workers}, "task": t} for t in tasks]
    return [{**os.environ, "TF_CONFIG": json.dumps(c)} for c in configs]


def start(run: Path, flags: list[str], hosts: int) -> list[Forked]:
    """Start (or resume) the run, on each host."""
    program, log = [*PROGRAM, f"--run_dir={run}", *flags], log_of(run)
    return [Forked(program, log, log, env) for env in environments(hosts)]


def start_python(run: Path, flags: list[str]) -> list[subprocess.Popen]:
    """Do the same on one host, in a process that imports all anew."""
    program = [sys.executable, *PROGRAM, f"--run_dir={run}", *flags]
    with log_of(run).open("a") as log:
        return [subprocess.Popen(program, stdout=log, stderr=log)]


def finish(run: Path, processes: list) -> None:
    """Wait for the end of the run."""
    if [code for process in processes if (code := process.wait())]:
        raise SystemExit(log_of(run).read_text())


def log_of(run: Path) -> Path:
    return run.parent / "log.txt"


def stop_at_random(
    run: Path, flags: list[str], seconds: float, stop: int, hosts: int
) -> str:
    """Stop a host some time after the first epoch that is added.

    The first one, which writes, is killed or finds the disk full; the last one
    gets the other signals, and tells all.
    """
    before, processes = progress(run), start(run, flags, hosts)
    stopped = processes[0 if stop in (signal.SIGKILL, FULL_DISK) else -1]
    # At its start a run may take back rows that no checkpoint has.
    while progress(run) <= before and stopped.poll() is None:
        time.sleep(0.02)
    time.sleep(random.uniform(0, seconds))
    if stop == FULL_DISK:
        fill_disk_of(stopped)
    else:
        stopped.send_signal(stop)
    codes = [p.wait() for p in processes]
    name = signal.Signals(stop).name if stop else "full disk"
    told = name, codes, log_of(run).read_text()[-3000:]
    if stop in (signal.SIGTERM, signal.SIGINT):
        assert stopped.returncode == 128 + stop, told
        # Hosts that were told by another one count it as SIGTERM.
        assert set(codes) <= {128 + stop, 128 + signal.SIGTERM}, told
    else:
        assert 0 not in codes, told
        assert stop == FULL_DISK or stopped.returncode == -stop, told
    return f"{name} in epoch {progress(run) + 1}: exit codes {codes}"


def fill_disk_of(process: Forked) -> None:
    """Let all writing to files fail in a process that may have ended."""
    limit = resource.RLIMIT_FSIZE
    with contextlib.suppress(ProcessLookupError):
        _, hard = resource.prlimit(process.pid, limit)
        resource.prlimit(process.pid, limit, (0, hard))


def progress(run: Path) -> int:
    """How many epochs are written down."""
    return len(read_csv(run / "metrics.csv"))


def weights(run: Path) -> list[bytes]:
    """Of the network of a finished run."""
    import keras

    network = keras.models.load_model(run / "model.keras")
    return [np.asarray(w).tobytes() for w in network.get_weights()]


def logged(run: Path) -> np.ndarray:
    """All numbers of its log but for times."""
    rows = read_csv(run / "metrics.csv")
    # Some numbers are only known after the first epochs.
    names = sorted({name for row in rows for name in row} - {"step_seconds"})
    return np.array([[row.get(name, np.nan) for name in names] for row in rows])


def reported(run: Path) -> np.ndarray:
    """What is thought of its labels as a whole."""
    numbers = json.loads((run / "report" / "report.json").read_text())
    return np.array(list(numbers.values()), float)


def trial(
    folder: Path,
    stops: list[int],
    epochs: int,
    seconds: float,
    hosts: int = 1,
    settings: tuple[str, ...] = (),
) -> bool:
    """One undisturbed run, one that is stopped; do they end alike?"""
    settings = (f"EPOCHS={epochs}", *settings)
    flags = [*FLAGS, *(f"--gin_param={setting}" for setting in settings)]
    run, whole = folder / "stopped", folder / "whole"
    finish(whole, start(whole, flags, hosts))
    for stop in stops:
        print(stop_at_random(run, flags, seconds, stop, hosts), flush=True)
    last = start_python(run, flags) if hosts == 1 else start(run, flags, hosts)
    finish(run, last)
    # The loss of an epoch that went on in its middle is a sum over replicas,
    # which are given even parts of what was saved: other roundings.
    rounding = 0 if hosts == 1 else 1e-6
    np.testing.assert_allclose(logged(run), logged(whole), rtol=rounding)
    np.testing.assert_allclose(reported(run), reported(whole), rtol=rounding)
    return weights(run) == weights(whole)


def main() -> None:
    """Parse, try, say."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stops", type=int, default=10)
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--seconds", type=float, default=0.5)
    parser.add_argument("--hosts", type=int, default=1)
    parser.add_argument("settings", nargs="*")
    given = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    stops = [STOPS[i % len(STOPS)] for i in range(given.stops)]
    how = given.epochs, given.seconds, given.hosts, tuple(given.settings)
    with tempfile.TemporaryDirectory() as folder:
        same = trial(Path(folder), stops, *how)
    print("equal in every bit" if same else "NOT equal")
    sys.exit(not same)


if __name__ == "__main__":
    main()
