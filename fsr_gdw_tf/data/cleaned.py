"""Reading a cleaned list back: other labels, weights, or fewer examples."""

import csv
import os

import numpy as np

from fsr_gdw_tf.data.lists import opened
from fsr_gdw_tf.data.source import Source
from fsr_gdw_tf.errors import BadInput

LAYOUT = (
    "expected a CSV with the columns path,label (and weight), as `report "
    "--apply` writes it"
)


def follow(source: Source, name: str) -> Source:
    """The examples that a cleaned list names, with its labels and weights."""
    with opened(name, LAYOUT) as lines:
        reader = csv.DictReader(lines)
        columns = reader.fieldnames or []
        rows = list(reader)
    if not {"path", "label"} <= set(columns) or not rows:
        raise BadInput(
            f"{name} has the columns {','.join(columns)} and {len(rows)} "
            f"examples; {LAYOUT}"
        )
    index = _find(source, name, [row["path"] for row in rows])
    labels = _numbers(source, name, [row["label"] for row in rows])
    weights = None
    if "weight" in columns:
        weights = _weights(name, [row["weight"] for row in rows])
    kept = source.subset(index)
    return kept.relabel(labels, kept.true_labels).weigh(weights)


def _find(source: Source, name: str, paths: list[str]) -> np.ndarray:
    def full(path: str) -> str:
        return os.path.abspath(path) if source.in_files else path

    place = {full(path): i for i, path in enumerate(source.all_names())}
    lost = [path for path in paths if full(path) not in place]
    if lost:
        raise BadInput(
            f"{len(lost)} of the {len(paths)} examples of {name} are not in "
            f"the training set, {lost[0]!r} the first; keep the data and the "
            "settings of the run that the list was made from"
        )
    index = np.array([place[full(path)] for path in paths])
    if len(np.unique(index)) < len(index):
        raise BadInput(f"{name} names examples twice; {LAYOUT}")
    return index


def _numbers(source: Source, name: str, labels: list[str]) -> np.ndarray:
    number = {str(c): i for i, c in enumerate(source.class_names)}
    unknown = sorted({label for label in labels if label not in number})
    if unknown:
        raise BadInput(
            f"{name} has labels that the training set has not: "
            f"{', '.join(map(str, unknown[:5]))}"
        )
    return np.array([number[label] for label in labels])


def _weights(name: str, texts: list[str]) -> np.ndarray:
    try:
        weights = np.array([float(text) for text in texts], np.float32)
    except (TypeError, ValueError):
        weights = np.array([np.nan], np.float32)
    if not (np.isfinite(weights).all() and (weights >= 0).all()):
        raise BadInput(f"{name} has a weight that is no number of 0 or more")
    if not weights.any():
        raise BadInput(f"all weights of {name} are 0; raise the threshold")
    return weights
