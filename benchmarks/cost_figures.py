"""How all_costs.py draws what a step costs, and what it is worth."""

import math
from pathlib import Path

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fsr_gdw_tf.errors import InvalidInput

GOOD, GREY = "tab:blue", "tab:gray"
ARCHITECTURES = ("small_cnn", "resnet32", "wrn_28_2", "resnet50")
METHODS = {
    "l2rw": ("tab:red", "L2RW"),
    "fsr": (GOOD, "FSR"),
    "supervised": (GREY, "plain"),
}
PANELS = {
    "time_ratio": "time of a step, plain = 1",
    "memory_ratio": "memory at the peak of a step, plain = 1",
}
# The step that a recipe in gin/methods/ takes, where its name is another.
RECIPES = {
    "class_balanced": "classbalanced",
    "forward_correction": "forwardcorrection",
    "fsr": "fsr:bank",  # REWARD_FEATURES
    "fsr_official": "fsr:joint",
    "fsr_raw": "fsr:raw",
    "gdw_clean": "gdw",  # with more images, not with other steps
    "gdw_dictionary": "gdw:dictionary:joint:extras:head",
    "gdw_dictionary_raw": "gdw:dictionary:head",
    "gdw_head": "gdw:head",
    "gen_label": "genlabel",
    "label_smoothing": "supervised",
    "mixup_relabel": "supervised:extras",
    "soft_label": "softlabel",
    "supervised_clean": "supervised",
}
LETTER, LINES = 0.013, 52  # the room of a label, in the logarithm of x and in y


def name_of(row: dict) -> str:
    """Method and scope of a row, as in --methods."""
    own = "head" if row["method"].split(":")[0] == "fsr" else "all"
    scope = row["scope"]
    return row["method"] if scope in ("", own) else f"{row['method']}:{scope}"


def costs(rows: list[dict]) -> Figure:
    """FSR's Figure 4, left, with our numbers; and the same of memory."""
    found = {(row["network"], name_of(row)): row for row in rows}
    networks = [n for n in ARCHITECTURES if (n, "supervised") in found]
    if not networks:
        raise InvalidInput(
            f"no row of supervised on {', '.join(ARCHITECTURES)}"
        )
    figure = Figure((2.0 + 2.6 * len(networks), 3.6), layout="constrained")
    panels = figure.subplots(1, len(PANELS))
    for axes, (column, title) in zip(panels, PANELS.items(), strict=True):
        bars(axes, found, networks, column)
        axes.set_title(title, fontsize=10)
    panels[0].legend(fontsize=8)
    return figure


def bars(axes: Axes, found: dict, networks: list[str], column: str) -> None:
    """A group of bars for each network; those not measured are left out."""
    place = np.arange(len(networks))
    for i, (method, (colour, label)) in enumerate(METHODS.items()):
        rows = [found.get((network, method), {}) for network in networks]
        heights = [float(row.get(column) or "nan") for row in rows]
        drawn = axes.bar(
            place + 0.27 * (i - 1), heights, 0.27, color=colour, label=label
        )
        texts = ["" if math.isnan(h) else f"{h:.2f}" for h in heights]
        axes.bar_label(drawn, texts, fontsize=7)
    axes.set_xticks(place, networks, fontsize=8)
    axes.margins(y=0.1)


def step_of(name: str) -> str:
    """What all_costs.py calls the step of a method of accuracy.py."""
    recipe, *words = name.split(":")
    return ":".join([RECIPES.get(recipe, recipe), *words])


def points(
    rows: list[dict], accuracies: dict[str, float], network: str
) -> dict[str, tuple[float, float]]:
    """(time of a step, accuracy) of each method that both tables know.

    None does less than plain training: less time than that is chance.
    """
    times = {
        frozenset(name_of(row).split(":")): max(1.0, float(row["time_ratio"]))
        for row in rows
        if row["network"] == network
    }
    keys = {name: frozenset(step_of(name).split(":")) for name in accuracies}
    return {
        name: (times[key], accuracies[name])
        for name, key in keys.items()
        if key in times
    }


def best(known: dict[str, tuple[float, float]]) -> list[str]:
    """Those that no other beats at the same time of a step or less."""
    ordered = sorted(known, key=lambda name: (known[name][0], -known[name][1]))
    found, highest = [], -math.inf
    for name in ordered:
        if known[name][1] > highest:
            found.append(name)
            highest = known[name][1]
    return found


def frontier(known: dict[str, tuple[float, float]], title: str) -> Figure:
    """Accuracy against the time of a step; a line joins the best."""
    if not known:
        raise InvalidInput("no method is in both tables: accuracy and cost")
    figure = Figure((8.0, 8.0), layout="constrained")
    axes, front = figure.subplots(), best(known)
    for name, (x, y) in known.items():
        colour = GOOD if name in front else GREY
        axes.scatter(x, y, s=18, color=colour, zorder=4)
    line = np.array([known[name] for name in front])
    style = {"color": GOOD, "lw": 1, "alpha": 0.4}
    axes.plot(*line.T, drawstyle="steps-post", **style)
    labels(axes, known, front)
    axes.set_xscale("log")
    ticks = [t for t in (1, 1.5, 2, 2.5, 3, 4, 5) if t < 1.1 * max_x(known)]
    axes.set_xticks(ticks, [str(t) for t in ticks])
    axes.minorticks_off()
    axes.margins(x=0.16)
    axes.set_xlabel(PANELS["time_ratio"])
    axes.set_ylabel("test accuracy, mean of the last 5 epochs")
    axes.set_title(title, fontsize=10)
    return figure


def max_x(known: dict[str, tuple[float, float]]) -> float:
    """The longest time of a step."""
    return max(x for x, _ in known.values())


def labels(axes: Axes, known: dict, front: list[str]) -> None:
    """Each point's name beside it, moved up where it would hide another."""
    heights = [y for _, y in known.values()]
    gap = (max(heights) - min(heights) or 1.0) / LINES
    for name, (x, y, where) in spread(known, gap).items():
        axes.annotate(
            name,
            (x, y),
            (x * math.exp(0.02), where),
            fontsize=7,
            color=GOOD if name in front else "black",
            va="center",
            bbox={"color": "white", "alpha": 0.6, "pad": 0.3},
            arrowprops={"arrowstyle": "-", "lw": 0.4, "color": GREY},
        )


def spread(known: dict, gap: float) -> dict[str, tuple[float, float, float]]:
    """(x, y, where its label goes) of each point, from the lowest up."""
    placed = {}
    for name, (x, y) in sorted(known.items(), key=lambda item: item[1][1]):
        near = [
            height
            for other, (at, _, height) in placed.items()
            if abs(math.log(at / x))
            < LETTER * (2 + len(name if x < at else other))
        ]
        where = y
        for other in sorted(near):
            if abs(other - where) < gap:
                where = other + gap
        placed[name] = (x, y, where)
    return placed


def save(figure: Figure, path) -> None:
    """Write a figure; the same numbers give the same SVG."""
    made = {"Date": None} if str(path).endswith(".svg") else {}
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with rc_context({"svg.hashsalt": "cost"}):
        figure.savefig(path, dpi=150, metadata=made)
