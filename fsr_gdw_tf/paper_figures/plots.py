"""Draw each of the papers' figures from the logs of runs."""

import math
from collections.abc import Callable, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fsr_gdw_tf.io.run_folder import LAST
from fsr_gdw_tf.paper_figures.run import Run

MAX_PANELS = 12
MAX_CLASSES = 12  # more bars cannot be told apart
BLUE, RED, GREEN, GRAY = "tab:blue", "tab:red", "tab:green", "tab:gray"
STYLES = ("-", "--", ":")  # dashes show lines that are drawn below others
INCREASED = {
    "increased_clean": (BLUE, "non-targets, clean"),
    "increased_true": (RED, "true targets, mislabelled"),
    "increased_other": (GREEN, "other non-targets, mislabelled"),
}
LOSSES = {
    "loss_before": (BLUE, r"model $\Theta_t$"),
    "loss_after": (RED, r"meta model $\Theta_{t+1}$"),
}
BARS = {
    "test accuracy": (BLUE, lambda run: run.accuracy),
    "dictionary purity": (GREEN, lambda run: run.last("purity")),
    "share of zero weights": (GRAY, lambda run: run.last("weight_zero")),
}


def panels(
    titles: Sequence[str], max_columns: int = 4, width: float = 3.6
) -> tuple[Figure, list[Axes]]:
    """Return a figure with a panel for each title, at most MAX_PANELS."""
    titles = titles[:MAX_PANELS]
    columns = min(max_columns, len(titles))
    rows = math.ceil(len(titles) / columns)
    size = 1.0 + width * columns, 0.4 + 3.0 * rows
    figure = Figure(size, layout="constrained")
    grid = list(figure.subplots(rows, columns, squeeze=False).flat)
    for axes, title in zip(grid, titles, strict=False):
        axes.set_title(title, fontsize=10)
    for axes in grid[len(titles) :]:
        axes.remove()
    return figure, grid[: len(titles)]


def panel_per_run(
    draw: Callable[[Axes, Run], None],
) -> Callable[[Sequence[Run]], Figure]:
    """Return a function that draws each of several runs in its own panel."""

    def plot(runs: Sequence[Run]) -> Figure:
        figure, grid = panels([run.name for run in runs])
        for axes, run in zip(grid, runs, strict=False):
            draw(axes, run)
        grid[0].legend(fontsize=8)
        return figure

    return plot


def plot_column(axes: Axes, run: Run, column: str, **style) -> None:
    """Plot a column of metrics.csv over the epochs."""
    axes.plot(run.metrics["epoch"], run.metrics[column], **style)
    axes.set_xlabel("epoch")


def plot_columns(
    axes: Axes, run: Run, columns: dict[str, tuple[str, str]]
) -> None:
    """Plot columns with their (colour, label), those that were logged."""
    for style, (column, (colour, name)) in zip(
        STYLES, columns.items(), strict=False
    ):
        if run.has_logged(column):
            plot_column(axes, run, column, color=colour, ls=style, label=name)


def target_weights(axes: Axes, run: Run) -> None:
    """Draw GDW Fig. 3: target weights of clean and mislabelled examples."""
    weight = run.labels["last_weight"]
    wrong = run.labels["given"] != run.labels["true"]
    bins = np.linspace(0.0, max(weight.max(), 1e-6), 51)
    for name, colour, values in (
        ("clean", BLUE, weight[~wrong]),
        ("mislabelled", RED, weight[wrong]),
    ):
        share = np.full(len(values), 1 / max(len(values), 1))
        style = {"color": colour, "alpha": 0.5, "label": name}
        axes.hist(values, bins, weights=share, **style)
    axes.set_xlabel(r"target weight $\omega_t$ at the last visit")
    axes.set_ylabel("share of the examples")


def class_weights(runs: Sequence[Run]) -> Figure:
    """Draw GDW Fig. 4: the class weights of the same example in each run."""
    index = runs[0].class_weights["index"][0]
    examples = [run.tracked_example(index) for run in runs]
    titles = []
    for run, example in zip(runs, examples, strict=True):
        true, given = example["true"][0], example["given"][0]
        titles.append(f"{run.name}: {true or 'an example'} labelled {given}")
    figure, grid = panels(titles, max_columns=2, width=5.4)
    for axes, example in zip(grid, examples, strict=False):
        class_weight_bars(axes, example)
    grid[0].legend(fontsize=8)
    return figure


def class_weight_bars(axes: Axes, example: dict[str, np.ndarray]) -> None:
    """Draw class weights before and after an update.

    Shown are the given and the true class, and those that changed most.
    """
    names = example["class"]
    given, true = example["given"][0], example["true"][0]
    change = np.abs(example["after"] - example["before"])
    is_label = (names == given) | (names == true)
    shown = np.sort(np.lexsort((-change, ~is_label))[:MAX_CLASSES])
    x = np.arange(len(shown))
    for side, name, colour in ((-1, "before", GRAY), (1, "after", BLUE)):
        style = {"color": colour, "label": f"{name} the update"}
        axes.bar(x + 0.2 * side, example[name][shown], 0.4, **style)
    notes = {true: "true", given: "target"}
    ticks = [f"{name}\n{notes.get(name, '')}" for name in names[shown]]
    axes.set_xticks(x, ticks, fontsize=7)
    axes.set_ylabel(r"class weight $\omega$")


def increased_weights(axes: Axes, run: Run) -> None:
    """Draw GDW Fig. 5: the share of class weights that increase."""
    plot_columns(axes, run, INCREASED)
    axes.set(ylim=(0, 1), ylabel="share of increased weights")


def increased_tail(runs: Sequence[Run]) -> Figure:
    """Draw GDW Fig. 6: the second smallest class's weight on the smallest."""
    figure, (axes,) = panels(["second smallest class, on the smallest one's"])
    for run in runs:
        plot_column(axes, run, "increased_tail", label=run.name)
    axes.set(ylim=(0, 1), ylabel="share of increased weights")
    axes.legend(fontsize=8)
    return figure


def zero_mean_constraint(runs: Sequence[Run]) -> Figure:
    """Draw GDW Fig. 7: test metrics with and without zero mean."""
    figure, grid = panels(["test accuracy", "test loss"])
    for axes, column in zip(grid, ("val_accuracy", "val_loss"), strict=True):
        for run in runs:
            free = run.is_unconstrained
            name = f"{run.name} ({'without' if free else 'with'} constraint)"
            plot_column(axes, run, column, ls="--" if free else "-", label=name)
    grid[0].legend(fontsize=8)
    return figure


def train_losses(axes: Axes, run: Run) -> None:
    """Draw FSR Fig. 5, left: the loss before and after the virtual step."""
    plot_columns(axes, run, LOSSES)
    axes.set_ylabel("train loss")


def purity_and_accuracy(runs: Sequence[Run]) -> Figure:
    """Draw FSR Fig. 5, middle: test accuracy over dictionary purity."""
    figure, (axes,) = panels(["at the end of training"])
    for run in runs:
        x, y = run.last("purity"), run.accuracy
        axes.scatter(x, y, color=BLUE)
        note = f"{run.name}, {run.noise:.0%} noise"
        style = {"textcoords": "offset points", "fontsize": 7}
        axes.annotate(note, (x, y), (4, 4), **style)
    axes.set_xlabel("dictionary purity")
    axes.set_ylabel(f"test accuracy (mean of last {LAST} epochs)")
    axes.margins(0.25)
    return figure


def accuracy_and_zeros(runs: Sequence[Run]) -> Figure:
    """Draw FSR Fig. 6: accuracy, purity and share of zero weights."""
    figure = Figure((3.0 + 1.4 * len(runs), 3.6), layout="constrained")
    axes, x = figure.subplots(), np.arange(len(runs))
    for i, (name, (colour, read)) in enumerate(BARS.items()):
        values = [read(run) for run in runs]
        axes.bar(x + 0.27 * (i - 1), values, 0.27, color=colour, label=name)
    noise = [run.noise for run in runs]
    style = {"color": RED, "ls": "--", "label": "share of wrong labels"}
    axes.hlines(noise, x - 0.45, x + 0.45, **style)
    axes.set_xticks(x, [run.name for run in runs], fontsize=8)
    axes.set_ylim(0, 1)
    axes.legend(fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))
    return figure
