"""The papers' figures, of your own runs: python -m fsr_gdw_tf.figures RUN_DIR

They are drawn from what runs have logged, without TensorFlow. Several runs, or
those of a comparison, are drawn side by side.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from fsr_gdw_tf import drawings, run_logs
from fsr_gdw_tf.errors import BadInput
from fsr_gdw_tf.run_logs import Run

DPI = 150


class Plate(NamedTuple):
    """A figure of a paper: which of the runs show it, and how.

    needs: what to say when none of them does.
    """

    title: str
    choose: Callable[[Sequence[Run]], list[Run]]
    draw: Callable
    needs: str


def each(fits: Callable[[Run], bool]) -> Callable[[Sequence[Run]], list[Run]]:
    """Those runs that fit."""
    return lambda runs: [run for run in runs if fits(run)]


def logged(*columns: str) -> Callable[[Sequence[Run]], list[Run]]:
    """Those runs that have logged these columns of metrics.csv."""
    return each(lambda run: run.logged(*columns))


def with_and_without(runs: Sequence[Run]) -> list[Run]:
    """GDW's runs, if some have the zero-mean constraint and some have not."""
    runs = [r for r in runs if r.setting("Learner.method") == "@GDW()"]
    free = {r.setting("GDW.zero_mean") == "False" for r in runs}
    return runs if len(free) == 2 else []


PLATES = {
    "gdw_fig3_target_weights": Plate(
        "GDW Fig. 3",
        each(lambda run: run.knows_wrong_weights),
        drawings.of_each(drawings.target_weights),
        "a run of a method that learns weights, on data of which it is known "
        "which labels are wrong (NOISE above 0)",
    ),
    "gdw_fig4_class_weights": Plate(
        "GDW Fig. 4",
        each(lambda run: bool(run.class_weights)),
        drawings.class_weights,
        "a run of GDW or MWNet that has ended its WARMUP",
    ),
    "gdw_fig5_increased_weights": Plate(
        "GDW Fig. 5",
        logged("increased_true"),
        drawings.of_each(drawings.increased),
        "a run of GDW or MWNet that has ended its WARMUP, on data of which it "
        "is known which labels are wrong (NOISE above 0)",
    ),
    "gdw_fig6_increased_tail": Plate(
        "GDW Fig. 6",
        logged("increased_tail"),
        drawings.increased_tail,
        "a long-tailed run (MU of 0.5 or less) of a method with class weights",
    ),
    "gdw_fig7_zero_mean": Plate(
        "GDW Fig. 7",
        with_and_without,
        drawings.constraint,
        "two runs: gin/methods/gdw.gin and gin/methods/gdw_unconstrained.gin",
    ),
    "fsr_fig5_left_train_loss": Plate(
        "FSR Fig. 5 left",
        logged("loss_before", "loss_after"),
        drawings.of_each(drawings.train_losses),
        "a run of a method with a dictionary, whose scope is the head",
    ),
    "fsr_fig5_middle_purity": Plate(
        "FSR Fig. 5 middle",
        logged("purity", "val_accuracy"),
        drawings.purity,
        "a run of a method with a dictionary, on data of which it is known "
        "which labels are wrong (NOISE above 0)",
    ),
    "fsr_fig6_purity_and_zeros": Plate(
        "FSR Fig. 6",
        logged("weight_zero", "val_accuracy"),
        drawings.bars,
        "a run of FSR",
    ),
}


def draw(runs: Sequence[Run], folder: Path) -> list[str]:
    """Write all figures that these runs can show; a line on each."""
    said = []
    for name, plate in PLATES.items():
        some = plate.choose(runs)
        if not some:
            said.append(f"{plate.title} needs {plate.needs}")
            continue
        folder.mkdir(exist_ok=True)
        path = folder / f"{name}.png"
        plate.draw(some).savefig(path, dpi=DPI)
        said.append(f"{plate.title}: {path}")
    return said


def main(arguments: Sequence[str] | None = None) -> None:
    """Find the runs, draw, and say what was drawn; bad input ends with 2."""
    parser = argparse.ArgumentParser(
        "python -m fsr_gdw_tf.figures", description="The papers' figures."
    )
    what = "the --run_dir of a run, or of a comparison"
    parser.add_argument("RUN_DIR", nargs="+", type=Path, help=what)
    folders = parser.parse_args(arguments).RUN_DIR
    try:
        for line in draw(run_logs.find(folders), folders[0] / "figures"):
            print(line)
    except (BadInput, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
