"""A few methods side by side, and what was measured of each method."""

from collections.abc import Callable
from pathlib import Path

import accuracy_runs
import panel_table
from markdown_tables import paragraph
from recipes import KERAS, NAMES, clean_images, step_key
from result_tables import read_table
from sweep import ORACLE, PLAIN

METHODS = ["supervised", "gce", "fsr", "posterior_weights", "default"]
METHODS += ["supervised_clean", "gdw_clean", "default_clean"]
DIGITS, CIFAR = "digits CNN uniform 40 epochs 60", "uniform 40 %"
NETWORK = "resnet32"
HEADER = ["method", "clean images", "digits", "CIFAR-10", "time of a step"]


def overview(folder: Path) -> tuple[list[str], list[list[str]], str]:
    """Return header, lines and note of the README's table."""
    means, costs = mean_accuracies(folder), step_costs(folder)
    used = [means.get((s, m)) for s in (DIGITS, CIFAR) for m in METHODS]
    seeds = [row["seeds"] for row in used if row]
    lines = [
        [
            f"`{name}`",
            clean_images(name),
            *(percent(means.get((s, name))) for s in (DIGITS, CIFAR)),
            costs.get(step_key(name), "-"),
        ]
        for name in METHODS
    ]
    over = " or ".join(map(str, sorted({min(seeds), max(seeds)})))
    note = (
        "Per cent of images that no run trains on, 40 % of the training labels "
        f"wrong; mean of the last five epochs and of {over} seeds. Digits: "
        "scikit-learn's, a CNN, 60 epochs, which memorises labels. CIFAR-10: "
        "5,000 images, a small CNN, 30 epochs, which memorises few. Time: "
        "plain training = 1, ResNet-32, two CPU cores. From "
        "`panel_validation.csv`, `accuracy.csv` and `cost.csv` in "
        "`benchmarks/results/`."
    )
    return HEADER, lines, note


def mean_accuracies(folder: Path) -> dict[tuple[str, str], dict]:
    """Return the mean over seeds of each (setting, method) of both tables."""
    panel = {"setting": str, "method": str, "seed": int}
    panel |= {"last5": float, "best": float}
    rows = read_table(folder / panel_table.FILE_NAME, panel)
    rows = [row for row in rows if row["method"] != ORACLE]
    rows += accuracy_runs.read_runs(folder / "accuracy.csv")
    found = accuracy_runs.summary(rows)
    return {(row["setting"], row["method"]): row for row in found}


def percent(row: dict | None) -> str:
    """Return the accuracy of a row of `mean_accuracies`."""
    return f"{100 * row['last5']:.1f}" if row else "-"


def step_costs(folder: Path) -> dict[tuple, str]:
    """Return the time of a step by `step_key`, plain training = 1."""
    columns = {"network": str, "method": str, "time_ratio": float}
    return {
        step_key(row["method"]): f"{row['time_ratio']:.2f}"
        for row in read_table(folder / "cost.csv", columns)
        if row["network"] == NETWORK and row["method"] != KERAS
    }


def facts(folder: Path, method: str) -> str:
    """Return a line of what was measured of a method, beside plain training."""
    cost = step_costs(folder).get(step_key(method), "not measured")
    text = f"*Clean images:* {clean_images(method)}. *Time of a step:* {cost}."
    means = mean_accuracies(folder)
    known = [
        (
            setting,
            percent(means[setting, method]),
            percent(means[setting, PLAIN]),
        )
        for setting in accuracy_runs.DEFAULT
        if (setting, method) in means
    ]
    if known and method != PLAIN:
        pairs = (f"{name} {own} ({plain})" for name, own, plain in known)
        text += f" *CIFAR-10 (plain training):* {', '.join(pairs)}."
    return paragraph(text)


def facts_of_each() -> dict[str, Callable[[Path], str]]:
    """Return the makers of these lines by name: "method gce", ..."""
    return {
        f"method {name}": lambda folder, name=name: facts(folder, name)
        for name in NAMES
    }
