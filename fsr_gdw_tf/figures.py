"""The papers' figures, of your own runs: python -m fsr_gdw_tf.figures RUN_DIR

They are drawn from what runs have logged, without TensorFlow. Several runs, or
those of a comparison, are drawn side by side.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from fsr_gdw_tf.errors import InvalidInput
from fsr_gdw_tf.paper_figures.figures import draw_figures
from fsr_gdw_tf.paper_figures.run import find_runs


def main(arguments: Sequence[str] | None = None) -> None:
    """Find the runs, draw, and say what was drawn; bad input ends with 2."""
    parser = argparse.ArgumentParser(
        "python -m fsr_gdw_tf.figures", description="The papers' figures."
    )
    what = "the --run_dir of a run, or of a comparison"
    parser.add_argument("RUN_DIR", nargs="+", type=Path, help=what)
    folders = parser.parse_args(arguments).RUN_DIR
    try:
        for line in draw_figures(find_runs(folders), folders[0] / "figures"):
            print(line)
    except (InvalidInput, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
