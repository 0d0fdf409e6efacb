"""What training recorded of each example, and the Parquet file of it."""

import dataclasses
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from fsr_gdw_tf.data.label_checks import require_class_count
from fsr_gdw_tf.errors import InvalidInput, suggest_names
from fsr_gdw_tf.io.files import atomic_write, one_line_errors
from fsr_gdw_tf.io.run_folder import RunFolder

if TYPE_CHECKING:  # tables can be read without TensorFlow
    import keras

    from fsr_gdw_tf.data.source import Source

FILE_NAME = "labels.parquet"
METADATA_KEY = b"fsr_gdw_tf"
HELD_OUT = "held_out"  # the column that marks labels of the test set


@dataclasses.dataclass(frozen=True)
class LabelRecords:
    """A row per training example, and perhaps per held-out one (`held_out`).

    names: file names, or indices as text.
    given, true: the given labels, and the true ones where they are known.
    columns: numbers by name, see `training_dynamics.COLUMNS`.
    top, top_probs: the classes of the largest mean probability, the largest
        first, and these probabilities.
    training_info: method, regularisers and epochs of the run; `folder` is the
        one that relative file names start from, None if names are no files.
    """

    names: Sequence[str]
    given: np.ndarray
    class_names: Sequence[str]
    columns: dict[str, np.ndarray]
    top: np.ndarray
    top_probs: np.ndarray
    true: np.ndarray | None = None
    training_info: dict = dataclasses.field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.given)

    def subset(self, rows: np.ndarray) -> "LabelRecords":
        """Return the records of these rows, without names."""
        return dataclasses.replace(
            self,
            names=(),
            given=self.given[rows],
            columns={name: c[rows] for name, c in self.columns.items()},
            top=self.top[rows],
            top_probs=self.top_probs[rows],
            true=None if self.true is None else self.true[rows],
        )

    @property
    def paths(self) -> Sequence[str]:
        """Return the names; absolute paths if they are files."""
        folder = self.training_info.get("folder")
        if not folder:
            return self.names
        return [os.path.join(folder, name) for name in self.names]

    @property
    def held_out(self) -> np.ndarray:
        """Return which examples are those of the test set: not trained on."""
        none = np.zeros(len(self), bool)
        return np.asarray(self.columns.get(HELD_OUT, none), bool)

    @property
    def wrong(self) -> np.ndarray | None:
        """Return which labels are wrong, or None if the truth is unknown."""
        return None if self.true is None else self.given != self.true


def collect_records(
    classifier: "keras.Model", names: Sequence[str] | None = None
) -> LabelRecords:
    """Return what a classifier recorded of its training examples.

    Clean examples that were added to them are left out.
    """
    source = _tracked_source(classifier)
    n, columns = len(source) - source.n_clean, {}
    for recorder in classifier.recorders:
        columns |= recorder.example_columns(classifier, source)
    columns = {name: column[:n] for name, column in columns.items()}
    top, top_probs = columns.pop("top"), columns.pop("top_probs")
    true = source.true_labels
    return LabelRecords(
        names=(source.all_names() if names is None else names)[:n],
        given=source.labels[:n],
        class_names=[str(name) for name in source.class_names],
        columns=columns,
        top=top,
        top_probs=top_probs,
        true=None if true is None else true[:n],
        training_info=_training_info(classifier, source),
    )


def _tracked_source(classifier: "keras.Model") -> "Source":
    """Return the source that training was recorded on; raise if none was."""
    dynamics = classifier.training_dynamics
    if dynamics and dynamics.source is not None:
        return dynamics.source
    reason = getattr(classifier, "unnumbered", "")
    remedy = reason or "train it on arrays, a Source or a finite dataset first"
    if not dynamics:
        remedy = "build it with track_labels=True"
    raise InvalidInput(f"the classifier has recorded no labels; {remedy}")


def _training_info(classifier: "keras.Model", source: "Source") -> dict:
    """Return how the classifier was trained."""
    method = classifier.method
    info = {
        "method": type(method).__name__,
        "regularisers": [type(r).__name__ for r in classifier.regularisers],
        "epochs": int(np.array(classifier.epoch)) + 1,
        "folder": os.getcwd() if source.in_files else None,
    }
    if method.dictionary:
        info["pusher"] = method.dictionary.pusher.__name__
    return info


def write_records(path: Path, records: LabelRecords) -> None:
    """Write the records as Parquet, atomically."""
    names = pa.array(records.names, pa.string())
    columns = {"name": names, "given": records.given}
    if records.true is not None:
        columns["true"] = records.true
    columns |= records.columns
    for k in range(records.top.shape[1]):
        columns[f"class_{k + 1}"] = records.top[:, k]
        columns[f"probability_{k + 1}"] = records.top_probs[:, k]
    metadata = {
        "class_names": list(records.class_names),
        "about": records.training_info,  # files of older runs have this key
    }
    table = pa.table(columns).replace_schema_metadata(
        {METADATA_KEY: json.dumps(metadata).encode()}
    )
    with atomic_write(path) as temporary:
        pq.write_table(table, temporary, compression="zstd")


def read_records(path: Path) -> LabelRecords:
    """Read records that `write_records` wrote."""
    with one_line_errors(path):
        records = _parse_records(pq.read_table(path))
        _require_valid(records)
    return records


def _parse_records(table: pa.Table) -> LabelRecords:
    """Return the records in a table."""
    metadata = json.loads((table.schema.metadata or {})[METADATA_KEY])
    names = table["name"].to_pylist()
    columns = {
        n: table[n].to_numpy() for n in table.column_names if n != "name"
    }
    ranks = range(1, 1 + sum(n.startswith("class_") for n in columns))
    top = [columns.pop(f"class_{k}") for k in ranks]
    top_probs = [columns.pop(f"probability_{k}") for k in ranks]
    return LabelRecords(
        names=names,
        given=columns.pop("given"),
        true=columns.pop("true", None),
        class_names=metadata["class_names"],
        columns=columns,
        top=np.stack(top, axis=1),
        top_probs=np.stack(top_probs, axis=1),
        training_info=metadata["about"],
    )


def _require_valid(records: LabelRecords) -> None:
    """Raise unless all values are ones that training can have recorded.

    Files may come from others; an index out of range would fail far from here.
    """
    classes, columns = len(records.class_names), records.columns
    require_class_count(classes, len(records), "its list of classes")
    for name in ("given", "true", "top"):
        indices = getattr(records, name)
        if indices is None:
            continue
        if indices.dtype.kind not in "iu":
            raise ValueError(f"{name} holds no class indices")
        if not np.all((indices >= 0) & (indices < classes)):
            raise ValueError(f"{name} holds classes that have no name")
    for name, column in {**columns, "top_probs": records.top_probs}.items():
        if column.dtype.kind not in "biuf":
            raise ValueError(f"{name} holds no numbers")
    shares = columns["probability"], columns["disagreement"], records.top_probs
    if any(np.any((x < -0.01) | (x > 1.01)) for x in shares):
        raise ValueError("a probability is not in 0 to 1")
    if not np.isfinite(columns["visits"] + columns["disagreement"]).all():
        raise ValueError("numbers of visits are not finite")
    if "weight" in columns and "zero_weight" not in columns:
        raise ValueError("there are weights but no column zero_weight")
    info = records.training_info
    texts = [info["method"], *info["regularisers"], info.get("folder") or ""]
    texts += [*records.class_names, *records.names]
    if not all(isinstance(text, str) for text in texts):
        raise ValueError("a name is no text")
    int(info["epochs"])


def load_records(folder: RunFolder) -> LabelRecords:
    """Read the label records of a run; raise if the folder has none."""
    if (folder / FILE_NAME).is_file():
        return read_records(folder / FILE_NAME)
    if not (folder / "config.gin").is_file():
        raise InvalidInput(
            f"expected the --run_dir of a training run, got {folder.path}, "
            "which has no config.gin"
        )
    runs = sorted(
        path.parent.name for path in folder.path.glob(f"*/{FILE_NAME}")
    )
    if runs:
        raise InvalidInput(
            f"expected one run, got the comparison {folder.path}; pass one of "
            f"its runs, such as {folder / runs[0]}: {suggest_names('', runs)}"
        )
    raise InvalidInput(
        f"{folder.path} has no {FILE_NAME}: the run has not finished its first "
        "epoch, or had TRACK_LABELS=False; train again with TRACK_LABELS=True"
    )
