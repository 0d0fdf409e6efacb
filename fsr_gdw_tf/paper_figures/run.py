"""What runs have logged, for figures: read without TensorFlow."""

import contextlib
import dataclasses
import functools
import json
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from fsr_gdw_tf.errors import InvalidInput
from fsr_gdw_tf.io.run_folder import LAST

LABELS = ("given", "true", "last_weight")  # of labels.parquet
WORDS = ("given", "true", "class", "name")  # of class_weights.csv


@dataclasses.dataclass(frozen=True)
class Run:
    """The folder of one run, and what figures call it."""

    path: Path
    name: str

    @functools.cached_property
    def metrics(self) -> dict[str, np.ndarray]:
        """metrics.csv: a number per epoch, NaN where there is none."""
        table = read_columns(self.path / "metrics.csv")
        return {name: np.array(v, float) for name, v in table.items()}

    def has_logged(self, *names: str) -> bool:
        """Whether each of these columns has numbers."""
        return all(
            name in self.metrics and np.isfinite(self.metrics[name]).any()
            for name in names
        )

    def last(self, name: str, epochs: int = 1) -> float:
        """A column's mean over the last epochs; NaN if it is not there."""
        values = self.metrics.get(name, np.array([np.nan]))
        return float(values[-epochs:].mean())

    @property
    def accuracy(self) -> float:
        """Test accuracy, as the papers have it."""
        return self.last("val_accuracy", LAST)

    @functools.cached_property
    def noise(self) -> float:
        """The share of wrong labels; NaN if the truth is not known."""
        file = self.path / "run.json"
        about = json.loads(file.read_text("utf-8")) if file.is_file() else {}
        rate = about.get("data", {}).get("realised_noise")
        return np.nan if rate is None else float(rate)

    @functools.cached_property
    def labels(self) -> dict[str, np.ndarray]:
        """Those columns of LABELS that labels.parquet has."""
        file = self.path / "labels.parquet"
        if not file.is_file():
            return {}
        with reading(file):
            names = [n for n in pq.read_schema(file).names if n in LABELS]
            table = pq.read_table(file, columns=names)
        return {name: table[name].to_numpy() for name in names}

    @property
    def has_mislabelled_weights(self) -> bool:
        """Whether there are weights of labels that are known to be wrong."""
        found = self.labels
        if any(name not in found for name in LABELS):
            return False
        finite = np.isfinite(found["last_weight"]).all()
        return bool(finite and (found["given"] != found["true"]).any())

    @functools.cached_property
    def class_weights(self) -> dict[str, np.ndarray]:
        """class_weights.csv, a row per witness and class."""
        file = self.path / "class_weights.csv"
        table = read_columns(file) if file.is_file() else {}
        return {name: np.array(v) for name, v in table.items()}

    def tracked_example(self, index: int) -> dict[str, np.ndarray]:
        """The rows of one example, or of the first if it is not kept."""
        known = self.class_weights["index"]
        of = known == (index if index in known else known[0])
        return {name: v[of] for name, v in self.class_weights.items()}

    def setting(self, name: str) -> str | None:
        """What config.gin binds a parameter to, as it is written there."""
        file = self.path / "config.gin"
        text = file.read_text("utf-8") if file.is_file() else ""
        found = re.search(rf"^{re.escape(name)} = (.+)$", text, re.MULTILINE)
        return found and found[1].strip()


def read_columns(path: Path) -> dict[str, list]:
    """The columns of a CSV file; classes may have numbers for names."""
    words = pa.csv.ConvertOptions(
        column_types=dict.fromkeys(WORDS, pa.string())
    )
    with reading(path):
        return pa.csv.read_csv(path, convert_options=words).to_pydict()


@contextlib.contextmanager
def reading(path: Path) -> Iterator[None]:
    """Tell in one line what is wrong with a file."""
    try:
        yield
    except pa.ArrowException as error:
        raise InvalidInput(
            f"{path} is no table ({str(error).splitlines()[0]}); train again"
        ) from error


def find_runs(folders: list[Path]) -> list[Run]:
    """The runs in these folders: themselves, or those of a comparison."""
    paths = []
    for folder in folders:
        inside = [p.parent for p in sorted(folder.glob("*/metrics.csv"))]
        own = [folder] if (folder / "metrics.csv").is_file() else inside
        if not own:
            raise InvalidInput(
                f"{folder} is no run folder: neither it nor a folder in it has "
                "a metrics.csv; pass the --run_dir of a run or a comparison "
                "that has ended an epoch"
            )
        paths += [path.resolve() for path in own]
    paths = list(dict.fromkeys(paths))
    names = [path.name for path in paths]
    twice = {name for name in names if names.count(name) > 1}
    return [
        Run(p, f"{p.parent.name}/{p.name}" if p.name in twice else p.name)
        for p in paths
    ]
