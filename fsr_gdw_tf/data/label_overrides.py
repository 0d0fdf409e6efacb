"""Reading a cleaned list back: other labels, weights, or fewer examples."""

import csv
import os
from collections import Counter
from collections.abc import Iterable

import numpy as np

from fsr_gdw_tf.data.file_lists import open_list
from fsr_gdw_tf.data.source import Source
from fsr_gdw_tf.errors import InvalidInput

LAYOUT = (
    "expected a CSV with the columns path,label (and weight), as `report "
    "--apply` writes it"
)


def copy_numbers(names: Iterable[str]) -> list[int]:
    """How often each name has come before: it is 0 but for doubles."""
    seen, found = Counter(), []
    for name in names:
        found.append(seen[name])
        seen[name] += 1
    return found


def apply_overrides(source: Source, name: str) -> Source:
    """The examples that a cleaned list names, with its labels and weights."""
    columns = _read(name)
    if not {"path", "label"} <= set(columns) or not columns["path"]:
        raise InvalidInput(
            f"{name} has the columns {','.join(columns)} and "
            f"{len(columns.get('path', ()))} examples; {LAYOUT}"
        )
    index = _find(source, name, columns)
    labels = _numbers(source, name, columns["label"])
    kept = source.subset(index)
    kept = kept.with_labels(labels, kept.true_labels)
    weights = _weights(name, columns)
    if weights is not None:
        _require_weight(kept, name, weights)
    return kept.with_weights(weights)


def read_weights(name: str) -> np.ndarray | None:
    """The column `weight` of a list of files, if it is a CSV that has one."""
    if not str(name).lower().endswith(".csv"):
        return None
    with open_list(name, LAYOUT) as lines:
        if "weight" not in next(csv.reader(lines), []):
            return None  # lists may be long, and this one was read already
    return _weights(name, _read(name))


def _read(name: str) -> dict[str, list[str]]:
    with open_list(name, LAYOUT) as lines:
        rows = csv.reader(lines)
        head = next(rows, [])
        table = [row for row in rows if row]
    table = [row[: len(head)] + [""] * (len(head) - len(row)) for row in table]
    columns = zip(*table, strict=True) if table else [()] * len(head)
    return dict(zip(head, map(list, columns), strict=True))


def _find(source: Source, name: str, columns: dict) -> np.ndarray:
    """Where the examples of the list are; doubles have a column `copy`."""

    def full(path: str) -> str:
        return os.path.abspath(path) if source.in_files else path

    names = [full(path) for path in source.all_names()]
    known = zip(names, map(str, copy_numbers(names)), strict=True)
    place = {key: i for i, key in enumerate(known)}
    paths = columns["path"]
    which = columns.get("copy", ["0"] * len(paths))
    wanted = list(zip(map(full, paths), which, strict=True))
    lost = [key[0] for key in wanted if key not in place]
    if lost:
        raise InvalidInput(
            f"{len(lost)} of the {len(paths)} examples of {name} are not in "
            f"the training set, {lost[0]!r} the first; keep the data and the "
            "settings of the run that the list was made from"
        )
    index = np.array([place[key] for key in wanted])
    if len(np.unique(index)) < len(index):
        raise InvalidInput(f"{name} names examples twice; {LAYOUT}")
    return index


def _numbers(source: Source, name: str, labels: list[str]) -> np.ndarray:
    number = {str(c): i for i, c in enumerate(source.class_names)}
    unknown = sorted({label for label in labels if label not in number})
    if unknown:
        raise InvalidInput(
            f"{name} has labels that the training set has not: "
            f"{', '.join(unknown[:5])}"
        )
    return np.array([number[label] for label in labels])


def _weights(name: str, columns: dict) -> np.ndarray | None:
    if "weight" not in columns:
        return None
    try:
        weights = np.array([float(w) for w in columns["weight"]], np.float32)
    except ValueError:
        weights = np.array([np.nan], np.float32)
    if not (np.isfinite(weights).all() and (weights >= 0).all()):
        raise InvalidInput(
            f"{name} has a weight that is no number of 0 or more"
        )
    return weights


def _require_weight(source: Source, name: str, weights: np.ndarray) -> None:
    total = np.bincount(source.labels, weights, source.classes)
    empty = np.flatnonzero((total == 0) & (source.counts() > 0))
    if len(empty):
        raise InvalidInput(
            f"all weights of {len(empty)} class(es) in {name} are 0, such as "
            f"those of {str(source.class_names[empty[0]])!r}; raise the "
            "threshold"
        )
