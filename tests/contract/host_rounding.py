"""Train on one host and on two; print by how much the weights differ.

    python tests/contract/host_rounding.py --dtype=float64 --epochs=4

The two runs add the same numbers in another order. Rounding grows with the
steps, and is some billion times smaller in float64; a fault is not.
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import keras
import numpy as np
from end_to_end.kill_and_resume import environments
from support.forked import Forked

from fsr_gdw_tf.distribution import devices
from fsr_gdw_tf.distribution.hosts import is_chief
from fsr_gdw_tf.experiments import gin_config
from fsr_gdw_tf.experiments.experiment import Experiment
from fsr_gdw_tf.io.run_folder import RunFolder

SETTINGS = [
    "NOISE=0.2",
    "BATCH_SIZE=50",
    "TRAIN_EXAMPLES=400",
    "TRACK_LABELS=False",
    "SYNC_BATCH_NORM=True",
    "small_cnn.widths=(4, 8)",
]


class SaveWeights(keras.callbacks.Callback):
    """Callback that writes the weights after each epoch."""

    def __init__(self, folder: Path):
        super().__init__()
        self.folder = folder

    def on_epoch_end(self, epoch, logs=None):
        """Write a file with one vector."""
        arrays = [np.ravel(w) for w in self.model.network.get_weights()]
        if is_chief():
            np.save(self.folder / f"{epoch + 1}.npy", np.concatenate(arrays))


def train(folder: str, dtype: str, *settings: str) -> None:
    """Train in this process; the weights of each epoch are in the folder."""
    devices.PRECISIONS = (*devices.PRECISIONS, "float64")
    keras.config.set_floatx(dtype)
    params = [*settings, *SETTINGS, f"PRECISION='{dtype}'"]
    gin_config.parse(["gin/digits.gin"], params)
    experiment = gin_config.instantiate(Experiment)
    experiment.callbacks = [SaveWeights(Path(folder))]
    experiment.train(RunFolder(Path(folder, "run")))


def differences(folder: Path, dtype: str, *settings: str) -> list[float]:
    """Return the largest difference of a weight after each epoch."""
    for hosts in (1, 2):
        place = folder / str(hosts)
        place.mkdir()
        program = [__file__, "--train", place, dtype, *settings]
        log = folder / "log.txt"
        started = [Forked(program, log, log, e) for e in environments(hosts)]
        if any([p.wait() for p in started]):  # noqa: C419  all of them
            raise SystemExit(log.read_text())
    epochs = len(list((folder / "1").glob("*.npy")))
    one, two = (
        [np.load(folder / n / f"{e + 1}.npy") for e in range(epochs)]
        for n in "12"
    )
    return [float(np.abs(a - b).max()) for a, b in zip(one, two, strict=True)]


def main() -> None:
    """Print the difference after each epoch."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dtype", default="float64")
    parser.add_argument("--epochs", default=4, type=int)
    parser.add_argument(
        "settings", nargs="*", help="such as LEARNING_RATE=0.01"
    )
    given = parser.parse_args()
    settings = [f"EPOCHS={given.epochs}", *given.settings]
    with tempfile.TemporaryDirectory() as folder:
        found = differences(Path(folder), given.dtype, *settings)
    for epoch, difference in enumerate(found, 1):
        print(f"{given.dtype}, epoch {epoch}: {difference:.1e}")


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if sys.argv[1:2] == ["--train"]:
        train(*sys.argv[2:])
    else:
        main()
