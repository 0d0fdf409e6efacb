"""Test results of a run, and of the run whose labels were cleaned for it."""

import contextlib
from pathlib import Path

from fsr_gdw_tf.errors import InvalidInput
from fsr_gdw_tf.io.files import one_line_errors, read_json
from fsr_gdw_tf.io.run_folder import RunFolder

FILE_NAME = "evaluation.json"


def accuracy(folder: RunFolder) -> float | None:
    """Return the test accuracy of a run, None if it was not measured."""
    results = read_json(folder / FILE_NAME)
    with one_line_errors(folder / FILE_NAME):
        return float(results["accuracy"]) if "accuracy" in results else None


def recalls(folder: RunFolder) -> dict[str, float]:
    """Return the test recall of each class by name, if it was measured."""
    with one_line_errors(folder / FILE_NAME):
        found = read_json(folder / FILE_NAME).get("per_class_accuracy", {})
        return {name: float(recall) for name, recall in found.items()}


def recalls_before(folder: RunFolder) -> dict[str, float]:
    """Return the recalls of the run before this one, see `run_before`."""
    before = run_before(folder)
    return recalls(before) if before else {}


def run_before(folder: RunFolder) -> RunFolder | None:
    """Return the run in whose report the list is that this run trained on.

    None if there is none, if its results cannot be read, or if its test set
    was another one.
    """
    with contextlib.suppress(InvalidInput):
        data = _data(folder)
        if not data.get("cleaned"):
            return None
        before = RunFolder(Path(data["cleaned"]).parent.parent)
        same = [_data(before).get(k) == data.get(k) for k in ("name", "test")]
        if all(same) and recalls(before) and accuracy(before) is not None:
            return before
    return None


def _data(folder: RunFolder) -> dict:
    """Return what run.json says of the data."""
    with one_line_errors(folder / "run.json"):
        return dict(read_json(folder / "run.json").get("data", {}))
