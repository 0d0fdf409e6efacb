"""Which figures of the papers there are, and which runs can show them."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from fsr_gdw_tf.paper_figures import plots
from fsr_gdw_tf.paper_figures.run import Run

DPI = 150


class PaperFigure(NamedTuple):
    """A figure of a paper: which of the runs show it, and how.

    needs: what to say when none of them does.
    """

    title: str
    select_runs: Callable[[Sequence[Run]], list[Run]]
    plot: Callable
    requirement: str


def runs_where(
    fits: Callable[[Run], bool],
) -> Callable[[Sequence[Run]], list[Run]]:
    """Those runs that fit."""
    return lambda runs: [run for run in runs if fits(run)]


def runs_with_columns(*columns: str) -> Callable[[Sequence[Run]], list[Run]]:
    """Those runs that have logged these columns of metrics.csv."""
    return runs_where(lambda run: run.has_logged(*columns))


def zero_mean_ablation(runs: Sequence[Run]) -> list[Run]:
    """GDW's runs, if some have the zero-mean constraint and some have not."""
    runs = [r for r in runs if r.setting("ClassifierConfig.method") == "@GDW()"]
    free = {r.setting("GDW.zero_mean") == "False" for r in runs}
    return runs if len(free) == 2 else []


FIGURES = {
    "gdw_fig3_target_weights": PaperFigure(
        "GDW Fig. 3",
        runs_where(lambda run: run.has_mislabelled_weights),
        plots.panel_per_run(plots.target_weights),
        "a run of a method that learns weights, on data of which it is known "
        "which labels are wrong (NOISE above 0)",
    ),
    "gdw_fig4_class_weights": PaperFigure(
        "GDW Fig. 4",
        runs_where(lambda run: bool(run.class_weights)),
        plots.class_weights,
        "a run of GDW or MWNet that has ended its WARMUP",
    ),
    "gdw_fig5_increased_weights": PaperFigure(
        "GDW Fig. 5",
        runs_with_columns("increased_true"),
        plots.panel_per_run(plots.increased_weights),
        "a run of GDW or MWNet that has ended its WARMUP, on data of which it "
        "is known which labels are wrong (NOISE above 0)",
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
        "a run of a method with a dictionary, whose scope is the head",
    ),
    "fsr_fig5_middle_purity": PaperFigure(
        "FSR Fig. 5 middle",
        runs_with_columns("purity", "val_accuracy"),
        plots.purity_and_accuracy,
        "a run of a method with a dictionary, on data of which it is known "
        "which labels are wrong (NOISE above 0)",
    ),
    "fsr_fig6_purity_and_zeros": PaperFigure(
        "FSR Fig. 6",
        runs_with_columns("weight_zero", "val_accuracy"),
        plots.accuracy_and_zeros,
        "a run of FSR",
    ),
}


def draw_figures(runs: Sequence[Run], folder: Path) -> list[str]:
    """Write all figures that these runs can show; a line on each."""
    said = []
    for name, plate in FIGURES.items():
        some = plate.select_runs(runs)
        if not some:
            said.append(f"{plate.title} needs {plate.requirement}")
            continue
        folder.mkdir(exist_ok=True)
        path = folder / f"{name}.png"
        plate.plot(some).savefig(path, dpi=DPI)
        said.append(f"{plate.title}: {path}")
    return said
