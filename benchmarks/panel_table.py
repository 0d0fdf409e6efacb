"""The default beside plain training, and what other methods gain or lose."""

from pathlib import Path

from panel_report import Table
from panel_settings import PANEL
from result_tables import read_table
from sweep import ORACLE, PLAIN

FILE_NAME = "panel_validation.csv"
# The settings that no choice was made on, tested on the test images.
VERDICT_FILE = "panel.csv"
TESTED_ON = {
    FILE_NAME: "held-out training examples",
    VERDICT_FILE: "test examples",
}
DEFAULT = "default"
HEADER = [
    "data",
    "plain",
    "default",
    "difference",
    "right labels alone",
    "seeds",
]


def against_plain(
    folder: Path, name: str = FILE_NAME
) -> tuple[list[str], list[list[str]], str]:
    """Return header, lines and note of the table of a file."""
    columns = {"setting": str, "method": str, "seed": int, "last5": float}
    rows = read_table(folder / name, columns)
    seeds = {(r["setting"], r["seed"]) for r in rows if r["method"] == DEFAULT}
    table = Table([r for r in rows if (r["setting"], r["seed"]) in seeds])
    lines = []
    for setting in PANEL:
        gain = table.gain(setting, DEFAULT)
        if gain is not None:
            means = (table.mean(setting, m) for m in (PLAIN, DEFAULT, ORACLE))
            plain, ours, oracle = (
                "-" if m is None else f"{m:.1f}" for m in means
            )
            count = sum(seed[0] == setting for seed in seeds)
            lines.append(
                [setting, plain, ours, f"{gain:+.1f}", oracle, str(count)]
            )
    gains = [float(line[3]) for line in lines]
    note = (
        f"Mean difference {sum(gains) / max(len(gains), 1):+.1f}, smallest "
        f"{min(gains, default=0.0):+.1f}. Per cent of {TESTED_ON[name]}, "
        "mean of the last five epochs and of one or two seeds (right labels "
        "alone: one). Uniform 40: 40 % of the labels are drawn among the "
        "other classes; tail .1: the rarest class has a tenth of the images. "
        "Networks and schedules: "
        f"`benchmarks/panel_settings.py`. From `benchmarks/results/{name}`."
    )
    return HEADER, lines, note


def worst_losses(folder: Path) -> tuple[list[str], list[list[str]], str]:
    """Return gains and losses of each method over the measured settings."""
    columns = {"setting": str, "method": str, "seed": int, "last5": float}
    rows = read_table(folder / FILE_NAME, columns)
    table = Table([row for row in rows if row["method"] != ORACLE])
    lines = []
    for method in table.methods:
        gains = {name: table.gain(name, method) for name in PANEL}
        gains = {name: gain for name, gain in gains.items() if gain is not None}
        if method != PLAIN and len(gains) > 1:
            worst, best = min(gains, key=gains.get), max(gains, key=gains.get)
            mean = sum(gains.values()) / len(gains)
            figures = [f"{len(gains)}", f"{mean:+.1f}"]
            figures += [f"{gains[name]:+.1f}, {name}" for name in (best, worst)]
            lines.append([f"`{method}`", *figures])
    note = (
        "Points above plain training, mean over the seeds of both. "
        f"From `benchmarks/results/{FILE_NAME}`."
    )
    return ["method", "settings", "mean", "best", "worst"], lines, note
