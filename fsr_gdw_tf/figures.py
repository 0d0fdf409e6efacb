"""Draw the papers' figures of your own runs, without TensorFlow.

python -m fsr_gdw_tf.figures RUN_DIR [RUN_DIR ...]
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from fsr_gdw_tf.command_line import exit_interrupted, exit_with_error
from fsr_gdw_tf.errors import InvalidInput
from fsr_gdw_tf.paper_figures.catalogue import draw_figures
from fsr_gdw_tf.paper_figures.run import find_runs


def main(arguments: Sequence[str] | None = None) -> None:
    """Draw the figures of the given runs and print their paths."""
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
        exit_with_error(error)
    except KeyboardInterrupt:
        exit_interrupted()


if __name__ == "__main__":
    main()
