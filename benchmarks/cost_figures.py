"""The figures of all_costs.py: what a step costs, and accuracy against it."""

import math
from pathlib import Path

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from recipes import KERAS, step_key

from fsr_gdw_tf.errors import InvalidInput

GOOD, GREY = "tab:blue", "tab:gray"
ARCHITECTURES = ("small_cnn", "resnet32", "wrn_28_2", "resnet50")
METHODS = {
    "l2rw": ("tab:red", "L2RW"),
    "fsr REWARD_FEATURES='fresh'": (GOOD, "FSR"),  # the paper's
    "supervised": (GREY, "plain"),
}
PANELS = {
    "time_ratio": "time of a step, plain = 1",
    "memory_ratio": "memory at the peak of a step, plain = 1",
}
# The space of a label: per letter in log(x), and lines in the axes' height.
LETTER, LINES = 0.013, 52


def costs(rows: list[dict]) -> Figure:
    """Draw FSR's Figure 4, left, with our numbers; and the same of memory."""
    by_name = {(row["network"], row["method"]): row for row in rows}
    networks = [n for n in ARCHITECTURES if (n, "supervised") in by_name]
    if not networks:
        raise InvalidInput(
            f"no row of supervised on {', '.join(ARCHITECTURES)}"
        )
    figure = Figure((2.0 + 2.6 * len(networks), 3.6), layout="constrained")
    panels = figure.subplots(1, len(PANELS))
    for axes, (column, title) in zip(panels, PANELS.items(), strict=True):
        bars(axes, by_name, networks, column)
        axes.set_title(title, fontsize=10)
    panels[0].legend(fontsize=8)
    return figure


def bars(axes: Axes, by_name: dict, networks: list[str], column: str) -> None:
    """Draw a group of bars for each network; leave out what is missing."""
    place = np.arange(len(networks))
    for i, (method, (colour, label)) in enumerate(METHODS.items()):
        rows = [by_name.get((network, method), {}) for network in networks]
        heights = [row.get(column) or math.nan for row in rows]
        drawn = axes.bar(
            place + 0.27 * (i - 1), heights, 0.27, color=colour, label=label
        )
        texts = ["" if math.isnan(h) else f"{h:.2f}" for h in heights]
        axes.bar_label(drawn, texts, fontsize=7)
    axes.set_xticks(place, networks, fontsize=8)
    axes.margins(y=0.1)


def points(
    rows: list[dict], accuracies: dict[str, float], network: str
) -> dict[str, tuple[float, float]]:
    """Return (time of a step, accuracy) of each method that has both.

    No step does less than plain training: a shorter time is noise.
    """
    times = {
        step_key(row["method"]): max(1.0, row["time_ratio"])
        for row in rows
        if row["network"] == network and row["method"] != KERAS
    }
    return {
        method: (times[step_key(method)], accuracy)
        for method, accuracy in accuracies.items()
        if step_key(method) in times
    }


def best(points: dict[str, tuple[float, float]]) -> list[str]:
    """Return the methods that no other beats in the same time or less."""
    ordered = sorted(
        points, key=lambda name: (points[name][0], -points[name][1])
    )
    front, highest = [], -math.inf
    for name in ordered:
        if points[name][1] > highest:
            front.append(name)
            highest = points[name][1]
    return front


def frontier(points: dict[str, tuple[float, float]], title: str) -> Figure:
    """Draw accuracy against the time of a step; a line joins the best."""
    if not points:
        raise InvalidInput("no method is in both tables: accuracy and cost")
    figure = Figure((8.0, 8.0), layout="constrained")
    axes, front = figure.subplots(), best(points)
    for name, (x, y) in points.items():
        colour = GOOD if name in front else GREY
        axes.scatter(x, y, s=18, color=colour, zorder=4)
    line = np.array([points[name] for name in front])
    style = {"color": GOOD, "lw": 1, "alpha": 0.4}
    axes.plot(*line.T, drawstyle="steps-post", **style)
    draw_labels(axes, points, front)
    axes.set_xscale("log")
    longest = max(x for x, _ in points.values())
    ticks = [t for t in (1, 1.5, 2, 2.5, 3, 4, 5) if t < 1.1 * longest]
    axes.set_xticks(ticks, [str(t) for t in ticks])
    axes.minorticks_off()
    axes.set_xlim(0.9, 1.6 * longest)  # labels stand right of their points
    axes.set_xlabel(PANELS["time_ratio"])
    axes.set_ylabel("test accuracy, mean of the last 5 epochs")
    axes.set_title(title, fontsize=10)
    return figure


def draw_labels(axes: Axes, points: dict, front: list[str]) -> None:
    """Write each name beside its point, higher where it would hide another."""
    heights = [y for _, y in points.values()]
    gap = (max(heights) - min(heights) or 1.0) / LINES
    for name, (x, y, height) in spread_labels(points, gap).items():
        axes.annotate(
            name,
            (x, y),
            (x * math.exp(0.02), height),
            fontsize=7,
            color=GOOD if name in front else "black",
            va="center",
            bbox={"color": "white", "alpha": 0.6, "pad": 0.3},
            arrowprops={"arrowstyle": "-", "lw": 0.4, "color": GREY},
        )


def spread_labels(
    points: dict, gap: float
) -> dict[str, tuple[float, float, float]]:
    """Return (x, y, height of the label) of each point, the lowest first."""
    placed = {}
    for name, (x, y) in sorted(points.items(), key=lambda item: item[1][1]):
        near = [
            height
            for other, (other_x, _, height) in placed.items()
            if abs(math.log(other_x / x))
            < LETTER * (2 + len(name if x < other_x else other))
        ]
        label_y = y
        for height in sorted(near):
            if abs(height - label_y) < gap:
                label_y = height + gap
        placed[name] = (x, y, label_y)
    return placed


def save(figure: Figure, path) -> None:
    """Write a figure; the same numbers give the same SVG."""
    metadata = {"Date": None} if str(path).endswith(".svg") else {}
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with rc_context({"svg.hashsalt": "cost"}):
        figure.savefig(path, dpi=150, metadata=metadata)
