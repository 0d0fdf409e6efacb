"""Read the CSV files that the benchmarks write, column by column typed."""

import csv
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
