"""The catalogue of the papers' figures, and the runs that can show them."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from matplotlib.figure import Figure

from fsr_gdw_tf.io.files import (
    atomic_write,
    one_line_errors,
    require_inside,
)
from fsr_gdw_tf.paper_figures import plots
from fsr_gdw_tf.paper_figures.run import Run

DPI = 150


RunSelection = Callable[[Sequence[Run]], list[Run]]


class PaperFigure(NamedTuple):
    """A figure of a paper.

    select_runs: returns those of the runs that have logged what it shows.
    plot: draws the selected runs.
    requirement: what is printed if no run is selected: "it needs ...".
    """

    title: str
    select_runs: RunSelection
    plot: Callable[[Sequence[Run]], Figure]
    requirement: str


def runs_where(condition: Callable[[Run], bool]) -> RunSelection:
    """Select the runs for which the condition holds."""
    return lambda runs: [run for run in runs if condition(run)]


def runs_with_columns(*columns: str) -> RunSelection:
    """Select the runs that have logged these columns of metrics.csv."""
    return runs_where(lambda run: run.has_logged(*columns))


def zero_mean_ablation(runs: Sequence[Run]) -> list[Run]:
    """Return GDW's runs, if there are some with and some without zero mean."""
    runs = [r for r in runs if r.setting("ClassifierConfig.method") == "@GDW()"]
    return runs if len({run.is_unconstrained for run in runs}) == 2 else []


FIGURES = {
    "gdw_fig3_target_weights": PaperFigure(
        "GDW Fig. 3",
        runs_where(lambda run: run.has_mislabelled_weights),
        plots.panel_per_run(plots.target_weights),
        "a run of a method that learns weights, on data with known wrong "
        "labels (NOISE above 0)",
    ),
    "gdw_fig4_class_weights": PaperFigure(
        "GDW Fig. 4",
        runs_where(lambda run: bool(run.class_weights)),
        plots.class_weights,
        "a run of GDW or MWNet, longer than its WARMUP",
    ),
    "gdw_fig5_increased_weights": PaperFigure(
        "GDW Fig. 5",
        runs_with_columns("increased_true"),
        plots.panel_per_run(plots.increased_weights),
        "a run of GDW or MWNet, longer than its WARMUP, on data with known "
        "wrong labels (NOISE above 0)",
    ),
    "gdw_fig6_increased_tail": PaperFigure(
        "GDW Fig. 6",
        runs_with_columns("increased_tail"),
        plots.increased_tail,
        "a long-tailed run (IMBALANCE of 0.5 or less) of a method with class "
        "weights",
    ),
    "gdw_fig7_zero_mean": PaperFigure(
        "GDW Fig. 7",
        zero_mean_ablation,
        plots.zero_mean_constraint,
        "two runs: gin/methods/gdw.gin and gin/methods/gdw_unconstrained.gin",
    ),
    "fsr_fig5_left_train_loss": PaperFigure(
        "FSR Fig. 5 left",
        runs_with_columns("loss_before", "loss_after"),
        plots.panel_per_run(plots.train_losses),
        "a run of a method with a dictionary and the scope 'head'",
    ),
    "fsr_fig5_middle_purity": PaperFigure(
        "FSR Fig. 5 middle",
        runs_with_columns("purity", "val_accuracy"),
        plots.purity_and_accuracy,
        "a run of a method with a dictionary, on data with known wrong labels "
        "(NOISE above 0)",
    ),
    "fsr_fig6_purity_and_zeros": PaperFigure(
        "FSR Fig. 6",
        runs_with_columns("weight_zero", "val_accuracy"),
        plots.accuracy_and_zeros,
        "a run of FSR",
    ),
}


def draw_figures(runs: Sequence[Run], folder: Path) -> list[str]:
    """Write the figures that these runs can show.

    Returns a line for each figure: its path, or which run it needs.
    """
    lines = []
    for name, figure in FIGURES.items():
        selected = figure.select_runs(runs)
        if not selected:
            lines.append(f"{figure.title} needs {figure.requirement}")
            continue
        path = require_inside(folder.parent, folder) / f"{name}.png"
        runs_shown = ", ".join(str(run.path) for run in selected)
        with (
            one_line_errors(f"{figure.title} of {runs_shown}"),
            atomic_write(path) as temporary,
        ):
            figure.plot(selected).savefig(temporary, format="png", dpi=DPI)
        lines.append(f"{figure.title}: {path}")
    return lines
