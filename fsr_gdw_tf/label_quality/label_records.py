"""What a run knows of each training example, and the file it is kept in."""

import dataclasses
import json
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from fsr_gdw_tf.errors import InvalidInput
from fsr_gdw_tf.io.files import atomic_write

FILE_NAME = "labels.parquet"
KEY = b"fsr_gdw_tf"


@dataclasses.dataclass(frozen=True)
class LabelRecords:
    """A row per example; `columns` are numbers, see `books.COLUMNS`.

    `top` are the most probable classes of each example on average, the most
    probable first, `top_probs` their probabilities. `about` says which method
    it was; if `names` are files, `folder` is where relative ones start.
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

    def subset(self, some: np.ndarray) -> "LabelRecords":
        """The numbers of some examples; names stay behind."""
        return dataclasses.replace(
            self,
            names=(),
            given=self.given[some],
            columns={name: c[some] for name, c in self.columns.items()},
            top=self.top[some],
            top_probs=self.top_probs[some],
            true=None if self.true is None else self.true[some],
        )

    @property
    def paths(self) -> Sequence[str]:
        """Names that hold everywhere: absolute paths, if they are files."""
        folder = self.training_info.get("folder")
        if not folder:
            return self.names
        return [os.path.join(folder, name) for name in self.names]

    @property
    def wrong(self) -> np.ndarray | None:
        """Which labels are known to be wrong, where the truth is known."""
        return None if self.true is None else self.given != self.true


def collect_records(
    classifier, names: Sequence[str] | None = None
) -> LabelRecords:
    """What a classifier has noted of the labels it was trained on.

    But for clean examples that were added to them: nobody doubts those.
    """
    source = _source(classifier)
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
        training_info=_about(classifier, source),
    )


def _source(classifier):
    training_dynamics = classifier.training_dynamics
    if training_dynamics and training_dynamics.source is not None:
        return training_dynamics.source
    reason = "has been trained on no arrays and no Source yet"
    if not training_dynamics:
        reason = "records nothing (track_labels=False)"
    raise InvalidInput(
        f"nothing is known of single labels: the classifier {reason}"
    )


def _about(classifier, source) -> dict:
    """What it was that has seen them."""
    method = classifier.method
    about = {
        "method": type(method).__name__,
        "regularisers": [type(r).__name__ for r in classifier.regularisers],
        "epochs": int(np.array(classifier.epoch)) + 1,
        # From where relative paths start, if names are paths.
        "folder": os.getcwd() if source.in_files else None,
    }
    if method.dictionary:
        about["pusher"] = method.dictionary.pusher.__name__
    return about


def write_records(path: Path, records: LabelRecords) -> None:
    """Write them as Parquet, as a whole."""
    s = records
    columns = {"name": pa.array(s.names, pa.string()), "given": s.given}
    if s.true is not None:
        columns["true"] = s.true
    columns |= s.columns
    for k in range(s.top.shape[1]):
        columns[f"class_{k + 1}"] = s.top[:, k]
        columns[f"probability_{k + 1}"] = s.top_probs[:, k]
    notes = {"class_names": list(s.class_names), "about": s.training_info}
    table = pa.table(columns).replace_schema_metadata(
        {KEY: json.dumps(notes).encode()}
    )
    with atomic_write(path) as half:
        pq.write_table(table, half, compression="zstd")


def read_records(path: Path) -> LabelRecords:
    """Read them back."""
    try:
        table = pq.read_table(path)
        notes = json.loads((table.schema.metadata or {})[KEY])
        columns = {n: table[n].to_numpy() for n in table.column_names[1:]}
        names = table["name"].to_pylist()
    except (pa.ArrowException, KeyError, OSError) as error:
        raise InvalidInput(
            f"{path} holds no label statistics of this library "
            f"({str(error).splitlines()[0]}); train again"
        ) from error
    ranks = range(1, 1 + sum(n.startswith("class_") for n in columns))
    top = [columns.pop(f"class_{k}") for k in ranks]
    top_probs = [columns.pop(f"probability_{k}") for k in ranks]
    return LabelRecords(
        names=names,
        given=columns.pop("given"),
        true=columns.pop("true", None),
        class_names=notes["class_names"],
        columns=columns,
        top=np.stack(top, axis=1),
        top_probs=np.stack(top_probs, axis=1),
        training_info=notes["about"],
    )
