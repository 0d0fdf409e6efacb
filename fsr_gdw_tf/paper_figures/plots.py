"""How each of the papers' figures is drawn from runs' logs."""

import math
from collections.abc import Callable, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fsr_gdw_tf.io.run_folder import LAST
from fsr_gdw_tf.paper_figures.run import Run

MOST_PANELS = 12
MOST_CLASSES = 12  # a hundred bars could not be told apart
GOOD, BAD, THIRD, GREY = "tab:blue", "tab:red", "tab:green", "tab:gray"
STYLES = ("-", "--", ":")
INCREASED = {
    "increased_clean": (GOOD, "non-targets, clean"),
    "increased_true": (BAD, "true targets, mislabelled"),
    "increased_other": (THIRD, "other non-targets, mislabelled"),
}
LOSSES = {
    "loss_before": (GOOD, r"model $\Theta_t$"),
    "loss_after": (BAD, r"meta model $\Theta_{t+1}$"),
}
BARS = {
    "test accuracy": (GOOD, lambda run: run.accuracy),
    "dictionary purity": (THIRD, lambda run: run.last("purity")),
    "share of zero weights": (GREY, lambda run: run.last("weight_zero")),
}


def panels(
    titles: Sequence[str], across: int = 4, width: float = 3.6
) -> tuple[Figure, list[Axes]]:
    """A figure with axes for each of these (or the first dozen), in rows."""
    titles = titles[:MOST_PANELS]
    columns = min(across, len(titles))
    rows = math.ceil(len(titles) / columns)
    size = 1.0 + width * columns, 0.4 + 3.0 * rows
    figure = Figure(size, layout="constrained")
    grid = list(figure.subplots(rows, columns, squeeze=False).flat)
    for axes, title in zip(grid, titles, strict=False):
        axes.set_title(title, fontsize=10)
    for axes in grid[len(titles) :]:
        axes.remove()
    return figure, grid[: len(titles)]


def panel_per_run(draw: Callable[[Axes, Run], None]) -> Callable:
    """A drawing of several runs out of one of a single run."""

    def figure_of(runs: Sequence[Run]) -> Figure:
        figure, grid = panels([run.name for run in runs])
        for axes, run in zip(grid, runs, strict=False):
            draw(axes, run)
        grid[0].legend(fontsize=8)
        return figure

    return figure_of


def plot_column(axes: Axes, run: Run, column: str, **style) -> None:
    """A column over the epochs."""
    axes.plot(run.metrics["epoch"], run.metrics[column], **style)
    axes.set_xlabel("epoch")


def plot_columns(axes: Axes, run: Run, columns: dict) -> None:
    """Several columns; dashes show those that lie below."""
    for style, (column, (colour, name)) in zip(
        STYLES, columns.items(), strict=False
    ):
        if run.has_logged(column):
            plot_column(axes, run, column, color=colour, ls=style, label=name)


def target_weights(axes: Axes, run: Run) -> None:
    """GDW Fig. 3: how much clean and mislabelled examples weigh."""
    weight = run.labels["last_weight"]
    wrong = run.labels["given"] != run.labels["true"]
    bins = np.linspace(0.0, max(weight.max(), 1e-6), 51)
    for name, colour, some in (
        ("clean", GOOD, weight[~wrong]),
        ("mislabelled", BAD, weight[wrong]),
    ):
        share = np.full(len(some), 1 / max(len(some), 1))
        style = {"color": colour, "alpha": 0.5, "label": name}
        axes.hist(some, bins, weights=share, **style)
    axes.set_xlabel(r"target weight $\omega_t$ at the last visit")
    axes.set_ylabel("share of the examples")


def class_weights(runs: Sequence[Run]) -> Figure:
    """GDW Fig. 4: the same example in each run that has it."""
    wanted = runs[0].class_weights["index"][0]
    seen = [run.tracked_example(wanted) for run in runs]
    titles = [
        f"{run.name}: {of['true'][0] or 'an example'} labelled {of['given'][0]}"
        for run, of in zip(runs, seen, strict=True)
    ]
    figure, grid = panels(titles, across=2, width=5.4)
    for axes, of in zip(grid, seen, strict=False):
        before_and_after(axes, of)
    grid[0].legend(fontsize=8)
    return figure


def before_and_after(axes: Axes, of: dict[str, np.ndarray]) -> None:
    """The weights of one example: its own classes', and what moved most."""
    names, given, true = of["class"], of["given"][0], of["true"][0]
    change = np.abs(of["after"] - of["before"])
    own = (names == given) | (names == true)
    shown = np.sort(np.lexsort((-change, ~own))[:MOST_CLASSES])
    place = np.arange(len(shown))
    for side, name, colour in ((-1, "before", GREY), (1, "after", GOOD)):
        style = {"color": colour, "label": f"{name} the update"}
        axes.bar(place + 0.2 * side, of[name][shown], 0.4, **style)
    notes = {true: "true", given: "target"}
    ticks = [f"{name}\n{notes.get(name, '')}" for name in names[shown]]
    axes.set_xticks(place, ticks, fontsize=7)
    axes.set_ylabel(r"class weight $\omega$")


def increased_weights(axes: Axes, run: Run) -> None:
    """GDW Fig. 5: which weights grow."""
    plot_columns(axes, run, INCREASED)
    axes.set(ylim=(0, 1), ylabel="share of increased weights")


def increased_tail(runs: Sequence[Run]) -> Figure:
    """GDW Fig. 6: the second smallest class's weight on the smallest."""
    figure, (axes,) = panels(["second smallest class, on the smallest one's"])
    for run in runs:
        plot_column(axes, run, "increased_tail", label=run.name)
    axes.set(ylim=(0, 1), ylabel="share of increased weights")
    axes.legend(fontsize=8)
    return figure


def zero_mean_constraint(runs: Sequence[Run]) -> Figure:
    """GDW Fig. 7: tests with the zero-mean constraint and without."""
    figure, grid = panels(["test accuracy", "test loss"])
    for axes, column in zip(grid, ("val_accuracy", "val_loss"), strict=True):
        for run in runs:
            free = run.setting("GDW.zero_mean") == "False"
            name = f"{run.name} ({'without' if free else 'with'} constraint)"
            plot_column(axes, run, column, ls="--" if free else "-", label=name)
    grid[0].legend(fontsize=8)
    return figure


def train_losses(axes: Axes, run: Run) -> None:
    """FSR Fig. 5, left: the loss before and after the virtual step."""
    plot_columns(axes, run, LOSSES)
    axes.set_ylabel("train loss")


def purity_and_accuracy(runs: Sequence[Run]) -> Figure:
    """FSR Fig. 5, middle: a purer dictionary, a better network."""
    figure, (axes,) = panels(["at the end of training"])
    for run in runs:
        x, y = run.last("purity"), run.accuracy
        axes.scatter(x, y, color=GOOD)
        note = f"{run.name}, {run.noise:.0%} noise"
        style = {"textcoords": "offset points", "fontsize": 7}
        axes.annotate(note, (x, y), (4, 4), **style)
    axes.set_xlabel("dictionary purity")
    axes.set_ylabel(f"test accuracy (mean of last {LAST} epochs)")
    axes.margins(0.25)
    return figure


def accuracy_and_zeros(runs: Sequence[Run]) -> Figure:
    """FSR Fig. 6: accuracy, purity and zero weights, run by run."""
    figure = Figure((3.0 + 1.4 * len(runs), 3.6), layout="constrained")
    axes, place = figure.subplots(), np.arange(len(runs))
    for i, (name, (colour, of)) in enumerate(BARS.items()):
        values = [of(run) for run in runs]
        axes.bar(place + 0.27 * (i - 1), values, 0.27, color=colour, label=name)
    noise = [run.noise for run in runs]
    style = {"color": BAD, "ls": "--", "label": "share of wrong labels"}
    axes.hlines(noise, place - 0.45, place + 0.45, **style)
    axes.set_xticks(place, [run.name for run in runs], fontsize=8)
    axes.set_ylim(0, 1)
    axes.legend(fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))
    return figure
