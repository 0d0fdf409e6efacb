"""Train a cell by its programs: JAX and NumPy, no TensorFlow.

What `fit` and its callbacks do around steps: batches, the epoch's number, the
dictionary's members, tests. Recorders and label reports are left out.
"""

import gzip
import importlib.util
import json
import time
from pathlib import Path

import numpy as np
from full_scale import batches, image_pack
from jax_programs import compiled, execute

ROOT = Path(__file__).parents[2]
STATE = "state.npz"


def load_member_choice():
    """Return the package's module, without importing the package."""
    path = ROOT / "fsr_gdw_tf" / "dictionary" / "member_choice.py"
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


member_choice = load_member_choice()


class Program:
    """A compiled program whose arguments have names."""

    def __init__(self, file: Path, described: dict, device):
        self.arguments = described["arguments"]
        self.outputs = described["outputs"]
        program = gzip.decompress(file.read_bytes())
        self.executable = compiled(program, device)

    def start(self, batch: dict, state: dict) -> dict:
        """Run on a batch and a state, which is updated; return the metrics."""
        values = state | batch
        arguments = [values[name] for name in self.arguments]
        metrics = {}
        results = execute(self.executable, arguments)
        for output, value in zip(self.outputs, results, strict=True):
            target = state if "updates" in output else metrics
            target[output["name"]] = value
        return metrics


class Training:
    """A cell's state, and what takes it through an epoch.

    entry: of cells.json.
    """

    def __init__(self, prepared: Path, entry: dict, device):
        folder = prepared / "programs" / entry["program"]
        self.entry, self.device, self.epoch = entry, device, 0
        self.manifest = json.loads((folder / "manifest.json").read_text())
        self.arrays = load_arrays(prepared / "cells" / f"{entry['name']}.npz")
        values = prepared / "values" / f"{entry['values']}.npz"
        self.state = self.put_all(load_arrays(values))
        self.pixels = image_pack.load(prepared / "images")
        self.images = {"images": self.put(self.pixels)}
        self.crop = batches.Crop(**self.manifest["crop"])
        tested = batches.test_batches(
            self.examples("test_"), self.manifest["test_batch"]
        )
        self.test_batch = self.images | self.put_all(tested)
        start = time.perf_counter()
        self.train, self.test = (
            Program(folder / f"{name}.hlo.gz", self.manifest[name], device)
            for name in ("train", "test")
        )
        self.compile_s = time.perf_counter() - start
        if self.manifest["dictionary"]:
            self.refresh_dictionary()
        self.next_batch = self.batches_of(0)

    def put(self, value: np.ndarray):
        """Return an array on the device."""
        import jax

        # A copy, because what a program updates loses its memory.
        return jax.device_put(np.array(value), self.device)

    def put_all(self, values: dict) -> dict:
        """Return arrays on the device, by name."""
        return {name: self.put(value) for name, value in values.items()}

    def examples(self, prefix: str) -> batches.Examples:
        """Return the training ("") or another set."""
        names = f"{prefix}rows", f"{prefix}labels"
        return batches.Examples(*(self.arrays[name] for name in names))

    def batches_of(self, epoch: int) -> dict[str, np.ndarray]:
        """Return all batches of an epoch."""
        found = {}
        for prefix, sizes in self.manifest["sizes"].items():
            stream = batches.META if prefix else batches.TRAIN
            key = batches.epoch_key(self.entry["seed"], stream, np.int64(epoch))
            columns = batches.epoch_batches(
                *(self.examples(prefix), sizes, key),
                *(self.crop, self.pixels.shape[1:3]),
            )
            found |= {prefix + name: x for name, x in columns.items()}
        return found

    def run_epoch(self) -> dict:
        """Train for an epoch and test; return the row of metrics."""
        start = time.perf_counter()
        name = self.manifest["epoch"]
        if name in self.state:  # not all methods depend on it
            self.state[name] = self.put(np.int32(self.epoch))
        for name in self.manifest["zeroed"]:
            zeros = np.zeros_like(np.asarray(self.state[name]))
            self.state[name] = self.put(zeros)
        trained = self.train_on(self.next_batch)
        self.epoch += 1
        # While the device trains.
        self.next_batch = self.batches_of(self.epoch)
        if self.manifest["dictionary"]:
            self.refresh_dictionary()
        tested = self.test.start(self.test_batch, self.state)
        row = {"epoch": self.epoch} | {k: float(v) for k, v in trained.items()}
        row |= {f"val_{k}": float(v) for k, v in tested.items()}
        if self.manifest["dictionary"]:
            row["purity"] = self.purity()
        return row | {"seconds": round(time.perf_counter() - start, 3)}

    def train_on(self, batch: dict[str, np.ndarray]) -> dict:
        """Train on all batches of an epoch; return the metrics."""
        steps, count = self.manifest["steps"], len(batch["index"])
        trained = {}
        for first in range(0, count, steps):
            part = {k: x[first : first + steps] for k, x in batch.items()}
            part = self.images | self.put_all(part)
            trained = self.train.start(part, self.state)
        return trained

    def variable(self, name: str) -> np.ndarray:
        """Return a variable of the dictionary."""
        return np.asarray(self.state[self.manifest["dictionary"][name]])

    def refresh_dictionary(self) -> None:
        """Choose the members for the next epoch: `Dictionary.refresh`."""
        examples, seed = self.examples(""), self.entry["seed"]
        members = member_choice.choose_members(
            examples.labels,
            self.variable("scores"),
            self.variable("visits"),
            self.arrays["members_per_class"],
            [seed, self.epoch],
        )
        # Unlike the pipeline's, this epoch is an int32 there.
        key = batches.epoch_key(seed, batches.LOAD, np.int32(self.epoch))
        shape, rows = self.pixels.shape[1:3], examples.rows[members]
        views = batches.views(members, key, self.crop, shape)
        content = batches.take_views(self.pixels, rows, *views)
        new = {"members": members, "labels": examples.labels[members]}
        for name, value in new.items():
            self.update_variable(name, value.astype(np.int64))
        # Four bytes are packed into a number, as the step unpacks them.
        packed = content.reshape(len(members), -1).view(np.int32)
        self.update_variable("content", packed)

    def update_variable(self, name: str, value: np.ndarray) -> None:
        """Set a variable of the dictionary."""
        old = self.variable(name)
        if (old.shape, old.dtype) != (value.shape, value.dtype):
            raise ValueError(f"{name} has shape {old.shape}, not {value.shape}")
        self.state[self.manifest["dictionary"][name]] = self.put(value)

    def purity(self) -> float:
        """Return the share of members with correct labels."""
        labels = self.arrays["labels"]
        right = labels == self.arrays.get("true_labels", labels)
        return float(right[self.variable("members")].mean())

    def save(self, folder: Path) -> None:
        """Write the state after the last epoch."""
        partial = folder / f"partial_{STATE}"
        state = {name: np.asarray(x) for name, x in self.state.items()}
        np.savez(partial, epochs_done=self.epoch, **state)
        partial.replace(folder / STATE)

    def restore(self, folder: Path) -> None:
        """Continue from a saved state, if there is one."""
        if not (folder / STATE).is_file():
            return
        state = load_arrays(folder / STATE)
        self.epoch = int(state.pop("epochs_done"))
        self.state = self.put_all(state)
        self.next_batch = self.batches_of(self.epoch)


def load_arrays(file: Path) -> dict[str, np.ndarray]:
    """Return the arrays of a .npz file, by name."""
    with np.load(file) as stored:
        return {name: stored[name] for name in stored}
