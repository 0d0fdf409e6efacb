"""The table of what was reproduced at full scale."""

from pathlib import Path

import numpy as np
from full_scale.cells import NETWORK, all_cells
from result_tables import read_table

FILE_NAME = "full_scale.csv"
COLUMNS = {
    **{"schedule": str, "setting": str, "network": str, "method": str},
    **{"seed": int, "last5": float, "best": float, "epochs": int},
    **{"epoch_s": float, "device": str, "runtime": str, "tensorflow": str},
    **{"keras": str, "commit": str},
}
HEADER = ["schedule", "setting", "method", "ours", "seeds", "paper"]
HEADER += ["difference", "above plain", "in the paper", "status"]
CLOSE = 1.0  # percentage points
NOT_RUN = "not yet run"
PLAIN = "supervised"


def read_cells(path: Path) -> list[dict]:
    """Return the rows of a table of cells."""
    rows = read_table(path, COLUMNS)
    return [{name: row[name] for name in COLUMNS} for row in rows]


def paper_figures(path: Path) -> dict[tuple, tuple[float, float]]:
    """Return (accuracy, deviation) of (paper, setting, method)."""
    names = ("paper", "network", "setting", "method", "std")
    columns = dict.fromkeys(names, str) | {"accuracy": float}
    return {
        (r["paper"], r["setting"], r["method"]): (
            r["accuracy"],
            float(r["std"] or 0),
        )
        for r in read_table(path, columns)
        if r["network"] == NETWORK
    }


def status(ours: float, paper: tuple[float, float] | None) -> list[str]:
    """Return the difference to the paper, and what it means."""
    if paper is None:
        return ["-", "no figure in the paper"]
    difference = ours - paper[0]
    close = abs(difference) <= max(CLOSE, 2 * paper[1])
    return [f"{difference:+.2f}", "reproduced" if close else "differs"]


def above_plain(key: tuple, figures: dict[tuple, float]) -> str:
    """Return how far a method is above plain training, or "-"."""
    plain = (*key[:2], PLAIN)
    if key == plain or key not in figures or plain not in figures:
        return "-"
    return f"{figures[key] - figures[plain]:+.2f}"


def line(
    key: tuple, rows: list[dict], paper: tuple | None, gains: list[str]
) -> list[str]:
    """Return a line of the table, of all seeds of a cell."""
    schedule, setting, method = key
    printed = "-"
    if paper is not None:
        printed = f"{paper[0]:.2f} ± {paper[1]:.2f}"
    cell = [schedule, setting, f"`{method}`"]
    if not rows:
        return [*cell, "-", "0", printed, "-", *gains, NOT_RUN]
    values = 100 * np.array([row["last5"] for row in rows])
    ours = f"{values.mean():.2f}"
    if rows[1:]:
        ours += f" ± {values.std(ddof=1):.2f}"
    difference, found = status(values.mean(), paper)
    return [*cell, ours, str(len(rows)), printed, difference, *gains, found]


def reproduced(folder: Path) -> tuple[list[str], list[list[str]], str]:
    """Return header, lines and note of the table."""
    papers = paper_figures(folder / "papers.csv")
    groups = {cell[:3]: [] for cell in all_cells()}
    for row in read_cells(folder / FILE_NAME):
        key = row["schedule"], row["setting"], row["method"]
        groups.setdefault(key, []).append(row)
    means = {
        key: 100 * float(np.mean([row["last5"] for row in rows]))
        for key, rows in groups.items()
        if rows
    }
    published = {key: accuracy for key, (accuracy, _) in papers.items()}
    lines = []
    for key, rows in groups.items():
        gains = [above_plain(key, figures) for figures in (means, published)]
        lines.append(line(key, rows, papers.get(key), gains))
    note = (
        f"{NETWORK}, CIFAR-10; per cent of the test images, mean of the last "
        "five epochs, ± standard deviation over seeds. *Reproduced*: within "
        f"{CLOSE:.0f} percentage point or two of the paper's standard "
        f"deviations. From `benchmarks/results/{FILE_NAME}`."
    )
    return HEADER, lines, note
