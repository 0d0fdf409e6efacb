"""Read the CSV files that the benchmarks write, column by column typed."""

import csv
import json
from collections.abc import Callable, Mapping
from pathlib import Path

from fsr_gdw_tf.errors import InvalidInput


def optional_float(text: str) -> float | None:
    """Return a number, or None for an empty cell."""
    return float(text) if text else None


# Of step_cost.py and all_costs.py, which cannot import each other: both define
# flags of the same names.
COST_COLUMNS = {
    **{"network": str, "batch": int, "meta_batch": int},
    **{"method": str, "scope": str},
    **{"time_ratio": float, "memory_ratio": optional_float},
    "time_per_step_s": float,
}


def read_table(path: Path, columns: Mapping[str, Callable]) -> list[dict]:
    """Return the rows of a CSV file, with these columns converted.

    Other columns stay text. The package's `read_csv` guesses the types, and
    takes the commit 12e4567890 for a number.
    """
    if not path.is_file():
        raise InvalidInput(f"{path} does not exist; a table is made from it")
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file, restval="")
        if missing := set(columns) - set(reader.fieldnames or []):
            raise InvalidInput(
                f"{path} has no column {', '.join(sorted(missing))}"
            )
        rows = list(reader)
    try:
        return [
            row | {k: convert(row[k]) for k, convert in columns.items()}
            for row in rows
        ]
    except ValueError as error:
        raise InvalidInput(f"{path} has no number: {error}") from error


def read_runs(path: Path, columns: Mapping[str, Callable]) -> list[dict]:
    """Return the rows of a table of runs, with these columns alone."""
    rows = read_table(path, columns)
    return [{name: row[name] for name in columns} for row in rows]


def tested_on(path: Path) -> str | None:
    """Return on which images a table was tested, if its JSON file is there."""
    note = path.with_suffix(".json")
    return json.loads(note.read_text())["tested on"] if note.is_file() else None
