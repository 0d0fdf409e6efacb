"""Training labels and weights replaced by those of a cleaned list.

The list is a CSV, path,label(,weight), that `report --apply` writes; examples
that it leaves out are not trained on.
"""

import csv
import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from fsr_gdw_tf.data.file_lists import open_list
from fsr_gdw_tf.data.source import Source
from fsr_gdw_tf.errors import InvalidInput
from fsr_gdw_tf.io.files import write_csv
from fsr_gdw_tf.io.spreadsheet import restore

LAYOUT = (
    "expected a CSV with the columns path,label (and weight), as `report "
    "--apply` writes it"
)


def copy_numbers(names: Iterable[str]) -> list[int]:
    """Return how many times each name occurred before: 0 for unique names."""
    counts, numbers = Counter(), []
    for name in names:
        numbers.append(counts[name])
        counts[name] += 1
    return numbers


def apply_overrides(source: Source, name: str) -> Source:
    """Return the examples of a cleaned list, with its labels and weights."""
    return apply_to_both(source, None, name)[0]


def apply_to_both(
    train: Source, test: Source | None, name: str
) -> tuple[Source, Source | None]:
    """Return the examples of a cleaned list that are in each of two sets.

    A test set of which the list has no example is returned as it is. Its
    examples have no weights.
    """
    columns = _read_columns(name)
    _require_layout(name, columns)
    index = _find_examples(
        [train] if test is None else [train, test], name, columns
    )
    labels = _class_indices(train, name, columns["label"])
    weights = _parse_weights(name, columns)
    in_train = index < len(train)
    if test is not None and not in_train.all():
        held_out = index[~in_train] - len(train)
        test = _relabelled(test, held_out, labels[~in_train])
    train = _relabelled(train, index[in_train], labels[in_train])
    if weights is None:
        return train.with_weights(None), test
    weights = weights[in_train]
    _reject_zero_weight_classes(train, name, weights)
    return train.with_weights(weights), test


def _relabelled(
    source: Source, index: np.ndarray, labels: np.ndarray
) -> Source:
    """Return these examples with these labels."""
    subset = source.subset(index)
    return subset.with_labels(labels, subset.true_labels)


def write_list(path: Path, source: Source, index: np.ndarray) -> None:
    """Write these examples of a source, as a list that keeps their labels."""
    names, weights = source.all_names(), source.weights
    copies = copy_numbers(names)
    rows = [
        {
            "path": names[i],
            "label": str(source.class_names[source.labels[i]]),
            **({} if weights is None else {"weight": float(weights[i])}),
            "copy": copies[i],
        }
        for i in index
    ]
    write_csv(path, rows)


def listed_examples(source: Source, name: str) -> np.ndarray:
    """Return the indices of the examples of a list, in its order."""
    columns = _read_columns(name)
    _require_layout(name, columns)
    return _find_examples([source], name, columns)


def read_weights(name: str) -> np.ndarray | None:
    """Return the column `weight` of a CSV list; None if it has none."""
    if not str(name).lower().endswith(".csv"):
        return None
    with open_list(name, LAYOUT) as lines:
        if "weight" not in next(csv.reader(lines), []):
            return None  # without reading the rest of a long list
    return _parse_weights(name, _read_columns(name))


def _read_columns(name: str) -> dict[str, list[str]]:
    """Return the columns of a CSV by name, short rows padded with ""."""
    with open_list(name, LAYOUT) as lines:
        rows = csv.reader(lines)
        head = next(rows, [])
        table = [row for row in rows if row]
    table = [
        [*map(restore, row[: len(head)]), *[""] * (len(head) - len(row))]
        for row in table
    ]
    columns = zip(*table, strict=True) if table else [()] * len(head)
    return dict(zip(head, map(list, columns), strict=True))


def _require_layout(name: str, columns: dict[str, list[str]]) -> None:
    if not {"path", "label"} <= set(columns) or not columns["path"]:
        raise InvalidInput(
            f"{name} has the columns {','.join(columns)} and "
            f"{len(columns.get('path', ()))} examples; {LAYOUT}"
        )


def _find_examples(
    sources: list[Source], name: str, columns: dict[str, list[str]]
) -> np.ndarray:
    """Return the indices of the list's examples, counted over all sources.

    Examples of the same name are told apart by the column `copy`.
    """

    def normalise(path: str) -> str:
        return os.path.abspath(path) if sources[0].in_files else path

    names = [normalise(path) for s in sources for path in s.all_names()]
    source_keys = zip(names, map(str, copy_numbers(names)), strict=True)
    index_of = {key: i for i, key in enumerate(source_keys)}
    paths = columns["path"]
    copies = columns.get("copy", ["0"] * len(paths))
    keys = list(zip(map(normalise, paths), copies, strict=True))
    missing = [key[0] for key in keys if key not in index_of]
    if missing:
        raise InvalidInput(
            f"{len(missing)} of the {len(paths)} examples of {name} are not in "
            f"the training set, the first is {missing[0]!r}; use the data and "
            "the settings of the run that the list was made from"
        )
    index = np.array([index_of[key] for key in keys])
    if len(np.unique(index)) < len(index):
        raise InvalidInput(f"{name} lists an example twice; {LAYOUT}")
    return index


def _class_indices(source: Source, name: str, labels: list[str]) -> np.ndarray:
    """Return the class index of each class name."""
    index_of = {str(c): i for i, c in enumerate(source.class_names)}
    unknown = sorted({label for label in labels if label not in index_of})
    if unknown:
        raise InvalidInput(
            f"{name} has labels that the training set lacks: "
            f"{', '.join(unknown[:5])}"
        )
    return np.array([index_of[label] for label in labels])


def _parse_weights(
    name: str, columns: dict[str, list[str]]
) -> np.ndarray | None:
    """Return the column `weight` as floats, if there is one."""
    if "weight" not in columns:
        return None
    try:
        weights = np.array([float(w) for w in columns["weight"]], np.float32)
    except ValueError:
        weights = np.array([np.nan], np.float32)
    if not (np.isfinite(weights).all() and (weights >= 0).all()):
        raise InvalidInput(
            f"the weights in {name} must be numbers of 0 or more"
        )
    return weights


def _reject_zero_weight_classes(
    source: Source, name: str, weights: np.ndarray
) -> None:
    """Raise if all examples of some class have weight 0."""
    total = np.bincount(source.labels, weights, source.classes)
    empty = np.flatnonzero((total == 0) & (source.counts() > 0))
    if len(empty):
        raise InvalidInput(
            f"{name} gives all examples of {len(empty)} class(es) weight 0, "
            f"the first is {str(source.class_names[empty[0]])!r}; raise the "
            "threshold"
        )
