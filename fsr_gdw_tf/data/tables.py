"""Data frames, Arrow tables and Hugging Face data sets.

They are recognised by their methods, so that none of these packages is needed.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import tensorflow as tf

from fsr_gdw_tf.data import nested
from fsr_gdw_tf.errors import InvalidInput, suggest_names

LABEL_NAMES = ("label", "labels")
SEEN_ROWS = 16  # whose shapes tell which ones differ from row to row
Columns = dict[str, np.ndarray]


class Table(NamedTuple):
    """Inputs (arrays, or a `RowReader`), labels and names of the classes."""

    x: Any
    y: Any = None
    class_names: Sequence[str] | None = None


def is_table(x: Any) -> bool:
    """Return whether this is a table of any of the kinds."""
    return (
        _is_hugging_face(x)
        or isinstance(x, pa.Table)
        or hasattr(x, "to_arrow")
        or (hasattr(x, "columns") and hasattr(x, "iloc"))
    )


def _is_hugging_face(x: Any) -> bool:
    return hasattr(x, "with_format") and hasattr(x, "select_columns")


def read_table(table: Any, label: Any, structure: Any = None) -> Table:
    """Return inputs, labels and class names of a table.

    label: the name of the column of labels, or the labels themselves; None:
        the column "label" or "labels" of a Hugging Face data set, which is
        the only kind that is not read into memory.
    structure: the symbolic inputs of the network. Inputs that are named like
        columns get these; a single one gets all columns but the labels.
    """
    if _is_hugging_face(table):
        return _read_hugging_face(table, label, structure)
    columns, y = _columns(table), label
    if isinstance(label, str):
        _require_column(label, columns)
        y = columns.pop(label)
    arrays = {name: as_rows(values) for name, values in columns.items()}
    return Table(as_inputs(arrays, structure), y)


def _read_hugging_face(table: Any, label: Any, structure: Any) -> Table:
    names = list(table.column_names)
    if label is None:
        label = next((name for name in LABEL_NAMES if name in names), None)
    inputs = [name for name in names if not _same(name, label)]
    reader = RowReader(
        table.select_columns(inputs), lambda row: as_inputs(row, structure)
    )
    if not isinstance(label, str):
        return Table(reader, label)
    labels = read_columns(table, [label])[label]
    class_names = getattr(table.features[label], "names", None)
    return Table(reader, list(labels), class_names)


def read_columns(table: Any, names: Sequence[str]) -> dict[str, Any]:
    """Return some columns of a table."""
    if _is_hugging_face(table):
        for name in names:
            _require_column(name, table.column_names)
        return table.with_format(None).select_columns(list(names))[:]
    columns = _columns(table)
    for name in names:
        _require_column(name, columns)
    return {name: columns[name] for name in names}


def _same(name: str, label: Any) -> bool:
    return isinstance(label, str) and name == label


def _require_column(name: str, names: Sequence[str]) -> None:
    if name not in names:
        raise InvalidInput(
            f"the data have no column {name!r}: {suggest_names(name, names)}"
        )


def _columns(table: Any) -> dict[str, Any]:
    """Return the columns of a data frame or an Arrow table by name."""
    if hasattr(table, "to_arrow"):
        table = table.to_arrow()
    if isinstance(table, pa.Table):
        return {name: from_arrow(table[name]) for name in table.column_names}
    if not hasattr(table, "columns"):
        raise InvalidInput(
            "expected a data frame, an Arrow table or a Hugging Face data set, "
            f"got {type(table).__name__}"
        )
    return {str(name): table[name] for name in table.columns}


def from_arrow(values: Any) -> Any:
    """Return an Arrow column as an array, anything else as it is."""
    if not isinstance(values, (pa.ChunkedArray, pa.Array)):
        return values
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    if isinstance(values, pa.ChunkedArray):
        return values.to_numpy()
    return values.to_numpy(zero_copy_only=False)


def as_rows(values: Any) -> np.ndarray:
    """Return a column as an array; cells that are arrays are stacked."""
    values = np.asarray(values)
    if values.dtype.kind != "O" or not len(values):
        return values
    if isinstance(values[0], (str, bytes)):
        return _without_missing_text(values)
    shapes = {np.shape(value) for value in values}
    if len(shapes) > 1:
        raise InvalidInput(
            "expected arrays of one shape in the cells of a column, got the "
            f"shapes {sorted(shapes)[0]} and {sorted(shapes)[-1]}; pad them"
        )
    return np.array(values.tolist())


def _without_missing_text(values: np.ndarray) -> np.ndarray:
    missing = [not isinstance(v, (str, bytes)) for v in values.tolist()]
    if any(missing):
        raise InvalidInput(
            f"expected text in each cell, got {values[missing][0]!r} in "
            f"{sum(missing)} of {len(values)}, first in row "
            f"{missing.index(True)}; replace it by a text"
        )
    return values


def as_inputs(columns: Columns, structure: Any) -> Any:
    """Return columns (of all rows or of one) in the network's structure.

    If that is unknown: numbers as one array, else a dict.
    """
    names = nested.input_names(structure)
    if names and set(names) <= set(columns):
        if isinstance(structure, dict):
            return {name: columns[name] for name in names}
        parts = tuple(columns[name] for name in names)
        return parts if isinstance(structure, (list, tuple)) else parts[0]
    if len(columns) == 1:
        return next(iter(columns.values()))
    if names and len(names) > 1:
        raise InvalidInput(
            f"the network takes inputs named {sorted(names)}, the data have "
            f"the columns {sorted(columns)}; rename the columns"
        )
    others = [n for n, v in columns.items() if not _is_number(v)]
    if others and structure is None:
        return columns
    if others:
        raise InvalidInput(
            "expected columns of numbers for the network's one input, but "
            f"{others[0]!r} holds {np.asarray(columns[others[0]]).dtype}; "
            "leave it out, or name the network's inputs like the columns"
        )
    return np.stack(list(columns.values()), axis=-1)


def _is_number(values: Any) -> bool:
    return np.asarray(values).dtype.kind in "biuf"


class RowReader:
    """A reader of the rows of a Hugging Face data set, on demand.

    as_inputs: returns the network's inputs of a dict of columns.
    """

    in_files = False

    def __init__(self, table: Any, as_inputs: Callable[[Columns], Any]):
        self.table, self.as_inputs = table.with_format("numpy"), as_inputs
        rows = [self._row(i) for i in range(min(len(table), SEEN_ROWS))]
        self.specs = tf.nest.map_structure(_common_spec, *rows)
        specs = tf.nest.flatten(self.specs)
        self.batched = all(s.shape.is_fully_defined() for s in specs)

    def _row(self, row: int) -> Any:
        return self.as_inputs(dict(self.table[row]))

    def fetch(self, row: tf.Tensor) -> Any:
        """Return the input at a row, or the inputs at a vector of rows."""
        specs = tf.nest.flatten(self.specs)

        def read(row: np.ndarray) -> list[np.ndarray]:
            if not row.ndim:
                found = self._row(int(row))
            else:
                columns = dict(self.table[row.tolist()])
                found = self.as_inputs(
                    {name: as_rows(v) for name, v in columns.items()}
                )
            return [
                _of_type(part, spec)
                for part, spec in zip(
                    tf.nest.flatten(found), specs, strict=True
                )
            ]

        return nested.from_python(read, row, self.specs)

    def name(self, row: int) -> str:
        """Return the number of a row as text."""
        return str(row)


def _common_spec(*values: Any) -> tf.TensorSpec:
    """Return type and shape of values; sizes that differ are unknown."""
    shapes = [np.shape(value) for value in values]
    if len({len(shape) for shape in shapes}) > 1:
        return tf.TensorSpec(None, tf.constant(values[0]).dtype)
    sizes = [set(dims) for dims in zip(*shapes, strict=True)]
    shape = [dims.pop() if len(dims) == 1 else None for dims in sizes]
    return tf.TensorSpec(shape, tf.constant(values[0]).dtype)


def _of_type(part: Any, spec: tf.TensorSpec) -> np.ndarray:
    if spec.dtype == tf.string:
        return np.asarray(part, object)
    return np.asarray(part, spec.dtype.as_numpy_dtype)
