"""Several methods on the same data: one table."""

from collections.abc import Callable, Sequence

from rich.console import Console
from rich.table import Table

from fsr_gdw_tf.run_folder import RunFolder, write_csv

COLUMNS = (
    "method",
    "test_accuracy_last",
    "test_accuracy_last5",
    "test_accuracy_best",
    "balanced_accuracy",
    "step_time_ratio",
)


def compare(
    folder: RunFolder,
    methods: Sequence[str],
    run: Callable[[str, RunFolder], dict],
) -> list[dict]:
    """Run each method in a folder of its own; the table grows as they end.

    The first method is the one that step times are compared with.
    """
    rows, plain = [], None
    for name in methods:
        print(f"== {name}", flush=True)
        result = run(name, RunFolder(folder / name))
        plain = plain or result["step_seconds"]
        rows.append(
            {
                "method": name,
                **{k: round(result[k], 4) for k in COLUMNS[1:-1]},
                "step_time_ratio": round(result["step_seconds"] / plain, 3),
            }
        )
        write_csv(folder / "comparison.csv", rows, COLUMNS)
    show(rows)
    return rows


def show(rows: list[dict]) -> None:
    """Print the table."""
    titles = ["method", "last", "mean of last 5", "best", "balanced", "time"]
    table = Table(title="Test accuracy; time of a step, plain = 1")
    for title in titles:
        left = title == "method"
        table.add_column(title, justify="left" if left else "right")
    for row in rows:
        name, *numbers = (row[c] for c in COLUMNS)
        table.add_row(name, *(f"{n:.3f}" for n in numbers))
    Console().print(table)
