"""Kill a run at random moments, resume it, compare it with an undisturbed one.

    python tests/kill_and_resume.py --kills=10

Prints when each kill came and whether the final weights agree in every bit.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

PROGRAM = ["-m", "fsr_gdw_tf.main"]
# Everything with a state: FSR's dictionary, scores and new labels, MixUp, EMA,
# momentum, L2, cropping.
FLAGS = [
    "--gin_file=gin/digits.gin",
    "--gin_file=gin/methods/fsr.gin",
    "--mode=train",
    "--gin_param=EMA=0.99",
    "--gin_param=Batches.view=@CropFlip()",
    "--gin_param=CropFlip.padding=1",
    "--gin_param=REWARD_FEATURES='fresh'",
]


def start(run: Path, flags: list[str]) -> subprocess.Popen:
    """Start (or resume) the run."""
    with (run.parent / "log.txt").open("a") as log:
        return subprocess.Popen(
            [sys.executable, *PROGRAM, f"--run_dir={run}", *flags],
            stdout=log,
            stderr=log,
        )


def finish(run: Path, flags: list[str]) -> None:
    """Run to the end."""
    code = start(run, flags).wait()
    if code:
        raise SystemExit((run.parent / "log.txt").read_text())


def kill_at_random(run: Path, flags: list[str], seconds: float) -> str:
    """Kill -9 some time after the first epoch that this process adds."""
    before, process = progress(run), start(run, flags)
    while progress(run) == before and process.poll() is None:
        time.sleep(0.02)
    time.sleep(random.uniform(0, seconds))
    process.send_signal(signal.SIGKILL)
    process.wait()
    return f"killed in epoch {progress(run) + 1}"


def progress(run: Path) -> int:
    """How many epochs are written down."""
    try:
        return (run / "metrics.csv").read_text().count("\n") - 1
    except FileNotFoundError:
        return 0


def weights(run: Path) -> list[np.ndarray]:
    """The weights of a finished run."""
    import keras

    return keras.models.load_model(run / "model.keras").get_weights()


def trial(folder: Path, kills: int, epochs: int, seconds: float) -> bool:
    """One undisturbed run, one that is killed; do they end alike?"""
    flags = [*FLAGS, f"--gin_param=EPOCHS={epochs}"]
    finish(folder / "whole", flags)
    for _ in range(kills):
        print(kill_at_random(folder / "killed", flags, seconds), flush=True)
    finish(folder / "killed", flags)
    epochs_written = progress(folder / "killed")
    return epochs_written == epochs and all(
        a.tobytes() == b.tobytes()
        for a, b in zip(
            weights(folder / "whole"), weights(folder / "killed"), strict=True
        )
    )


def main() -> None:
    """Parse, try, say."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--seconds", type=float, default=0.5)
    given = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with tempfile.TemporaryDirectory() as folder:
        same = trial(Path(folder), given.kills, given.epochs, given.seconds)
    print("equal in every bit" if same else "NOT equal")
    sys.exit(not same)


if __name__ == "__main__":
    main()
