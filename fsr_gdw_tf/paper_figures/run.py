"""Read what runs have logged, without TensorFlow."""

import dataclasses
import functools
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from fsr_gdw_tf.errors import InvalidInput
from fsr_gdw_tf.io.files import one_line_errors, read_json
from fsr_gdw_tf.io.run_folder import LAST
from fsr_gdw_tf.io.spreadsheet import restore

LABEL_COLUMNS = ("given", "true", "last_weight")  # of labels.parquet
TEXT_COLUMNS = ("given", "true", "class", "name")  # of class_weights.csv


@dataclasses.dataclass(frozen=True)
class Run:
    """The folder of one run, and its name in figures."""

    path: Path
    name: str

    @functools.cached_property
    def metrics(self) -> dict[str, np.ndarray]:
        """Return metrics.csv: a value per epoch, NaN where there is none."""
        file = self.path / "metrics.csv"
        table = read_columns(file)
        with one_line_errors(file):
            return {name: np.array(v, float) for name, v in table.items()}

    def has_logged(self, *names: str) -> bool:
        """Return whether each of these columns has a finite value."""
        return all(
            name in self.metrics and np.isfinite(self.metrics[name]).any()
            for name in names
        )

    def last(self, name: str, epochs: int = 1) -> float:
        """Return a column's mean over the last epochs; NaN if it is missing."""
        values = self.metrics.get(name, np.array([np.nan]))
        return float(values[-epochs:].mean())

    @property
    def accuracy(self) -> float:
        """Return the mean test accuracy of the last LAST epochs."""
        return self.last("val_accuracy", LAST)

    @functools.cached_property
    def noise(self) -> float:
        """Return the share of wrong labels; NaN if it is unknown."""
        file = self.path / "run.json"
        with one_line_errors(file):
            rate = read_json(file).get("data", {}).get("realised_noise")
            return np.nan if rate is None else float(rate)

    @functools.cached_property
    def labels(self) -> dict[str, np.ndarray]:
        """Return those LABEL_COLUMNS that labels.parquet has."""
        file = self.path / "labels.parquet"
        if not file.is_file():
            return {}
        with one_line_errors(file):
            names = [
                n for n in pq.read_schema(file).names if n in LABEL_COLUMNS
            ]
            table = pq.read_table(file, columns=names)
            columns = {name: table[name].to_numpy() for name in names}
            for name, column in columns.items():
                if column.dtype.kind not in "biuf":
                    raise ValueError(f"the column {name} holds no numbers")
        return columns

    @property
    def has_mislabelled_weights(self) -> bool:
        """Return whether there are weights of known wrong labels."""
        labels = self.labels
        if any(name not in labels for name in LABEL_COLUMNS):
            return False
        finite = np.isfinite(labels["last_weight"]).all()
        return bool(finite and (labels["given"] != labels["true"]).any())

    @functools.cached_property
    def class_weights(self) -> dict[str, np.ndarray]:
        """Return class_weights.csv: a row per tracked example and class."""
        file = self.path / "class_weights.csv"
        table = read_columns(file) if file.is_file() else {}
        with one_line_errors(file):
            return {name: _column(name, v) for name, v in table.items()}

    def tracked_example(self, index: int) -> dict[str, np.ndarray]:
        """Return the class weights of an example, or of the first tracked."""
        indices = self.class_weights["index"]
        rows = indices == (index if index in indices else indices[0])
        return {name: v[rows] for name, v in self.class_weights.items()}

    @property
    def is_unconstrained(self) -> bool:
        """Return whether this is GDW without the zero-mean constraint."""
        return self.setting("GDW.zero_mean") == "False"

    def setting(self, name: str) -> str | None:
        """Return the text that config.gin binds a parameter to."""
        file = self.path / "config.gin"
        with one_line_errors(file):
            text = file.read_text("utf-8") if file.is_file() else ""
        match = re.search(rf"^{re.escape(name)} = (.+)$", text, re.MULTILINE)
        return match and match[1].strip()


def _column(name: str, values: list) -> np.ndarray:
    """Return a column of class_weights.csv."""
    if name in TEXT_COLUMNS:
        return np.array([restore(text or "") for text in values])
    return np.array(values, float)


def read_columns(path: Path) -> dict[str, list]:
    """Return the columns of a CSV file."""
    options = pa.csv.ConvertOptions(
        # Class names may look like numbers.
        column_types=dict.fromkeys(TEXT_COLUMNS, pa.string())
    )
    with one_line_errors(path):
        return pa.csv.read_csv(path, convert_options=options).to_pydict()


def find_runs(folders: Sequence[Path]) -> list[Run]:
    """Return the runs of these folders: each a run, or a comparison of runs."""
    paths = []
    for folder in folders:
        run_paths = [folder]
        if not (folder / "metrics.csv").is_file():
            run_paths = [p.parent for p in sorted(folder.glob("*/metrics.csv"))]
        if not run_paths:
            raise InvalidInput(
                f"expected the --run_dir of a run or a comparison, got {folder}"
                ": no metrics.csv in it or one level below; train at least one "
                "epoch"
            )
        paths += [path.resolve() for path in run_paths]
    paths = list(dict.fromkeys(paths))
    names = [path.name for path in paths]
    ambiguous = {name for name in names if names.count(name) > 1}
    return [
        Run(p, f"{p.parent.name}/{p.name}" if p.name in ambiguous else p.name)
        for p in paths
    ]
