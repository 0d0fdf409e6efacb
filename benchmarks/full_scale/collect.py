"""Merge the results of finished cells into benchmarks/results/full_scale.csv.

    python benchmarks/full_scale/collect.py --results=runs/full_scale/results

A row for each cell: the mean test accuracy of the last five epochs and the best
one, the median seconds of an epoch with its test, the device, the versions, and
the commit of the programs. Rows of cells that are not in --results stay. Then
`make tables` updates the documentation.
"""

import json
import os
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(Path(__file__).parents[1]))

from absl import app, flags
from environment import RESULTS
from full_scale.cells import NETWORK, Cell, all_cells
from full_scale.table import COLUMNS, FILE_NAME, read_cells

from fsr_gdw_tf.command_line import exit_with_error, parse_flags
from fsr_gdw_tf.errors import InvalidInput
from fsr_gdw_tf.io.files import write_csv

FLAGS = flags.FLAGS
flags.DEFINE_list(
    "results", ["runs/full_scale/results"], "Folders that run.py wrote."
)
flags.DEFINE_string("csv", str(RESULTS / FILE_NAME), "CSV file to update.")


def read_result(file: Path) -> dict:
    """Return the row of a finished cell; its settings must be the recipe's."""
    result = json.loads(file.read_text())
    if result["params"]:
        raise InvalidInput(
            f"{file} was prepared with --params={','.join(result['params'])}; "
            "expected the recipe's own settings, leave it out"
        )
    row = {name: result[name] for name in COLUMNS if name in result}
    row |= {"network": NETWORK, "commit": result["commit"][:10]}
    numbers = {"last5": 4, "best": 4, "epoch_s": 2}
    return row | {k: round(result[k], n) for k, n in numbers.items()}


def key(row: dict) -> Cell:
    """Return the cell of a row."""
    return Cell(*(row[name] for name in Cell._fields))


def main(argv: list[str]) -> None:
    """Update the table."""
    path, folders = Path(FLAGS.csv), map(Path, FLAGS.results)
    try:
        files = [f for x in folders for f in sorted(x.glob("*/result.json"))]
        if not files:
            raise InvalidInput(
                f"expected result.json of a finished cell in "
                f"{', '.join(FLAGS.results)}, got none; run.py writes it"
            )
        rows = read_cells(path) if path.is_file() else []
        rows += map(read_result, files)
    except InvalidInput as error:
        exit_with_error(error)
    cells = {key(row): row for row in rows}
    order = {cell: i for i, cell in enumerate(all_cells())}
    ordered = sorted(cells, key=lambda cell: order.get(cell, len(order)))
    write_csv(path, [cells[cell] for cell in ordered], list(COLUMNS))
    print(f"{len(files)} finished cells in {path}")


if __name__ == "__main__":
    app.run(main, flags_parser=parse_flags)
