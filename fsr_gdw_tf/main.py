"""Train, evaluate or compare what gin files describe.

python -m fsr_gdw_tf.main --gin_file=gin/digits.gin
"""

import importlib
import sys

from absl import app, flags

from fsr_gdw_tf.command_line import (
    exit_interrupted,
    exit_with_error,
    parse_flags,
    without_startup_lines,
)
from fsr_gdw_tf.errors import Diverged, InvalidInput
from fsr_gdw_tf.experiments.command_help import command_help

FLAGS = flags.FLAGS
MODES = {
    "train": "train one method, test it and report on the labels",
    "evaluate": "test a finished run again",
    "compare": "train each method in COMPARE on the same data",
    "report": "build the label report of a run again",
    "check": "look at a folder or list of images; nothing is trained",
}
flags.DEFINE_multi_string("gin_file", [], "A gin file; repeat for several.")
flags.DEFINE_multi_string("gin_param", [], "A binding, such as NOISE=0.4.")
flags.DEFINE_bool(
    "allow_imports", False, "Gin files may import modules, which runs them."
)
flags.DEFINE_string("run_dir", None, "Results; default runs/<gin file>.")
flags.DEFINE_enum("mode", None, list(MODES), "What to do; default MODE in gin.")


def main(argv: list[str]) -> None:
    """Parse the gin files and run MODE.

    Invalid input exits with code 2, training that diverges with code 3.
    """
    try:
        if argv[1:]:
            raise InvalidInput(
                f"unexpected argument {argv[1]!r}: flags start --"
            )
        # Not at the top: --help answers before TensorFlow is imported.
        with without_startup_lines():
            modes = importlib.import_module("fsr_gdw_tf.experiments.modes")
        modes.run(
            FLAGS.gin_file,
            FLAGS.gin_param,
            allow_imports=FLAGS.allow_imports,
            run_dir=FLAGS.run_dir,
            mode=FLAGS.mode,
            modes=list(MODES),
            command=sys.argv,
        )
    except InvalidInput as error:
        exit_with_error(error)
    except Diverged as error:
        exit_with_error(error, code=3)
    except KeyboardInterrupt:
        exit_interrupted()


def parse(argv: list[str]) -> list[str]:
    """Parse the flags; --help prints what can be asked for and ends."""
    if {"--help", "-h"} & {*argv[1:]}:
        module = FLAGS.find_module_defining_flag("mode")
        print(command_help(MODES, FLAGS.flags_by_module_dict()[module]))
        sys.exit(0)
    return parse_flags(argv)


def start() -> None:
    """Run the command; the script `fsr-gdw` starts here."""
    app.run(main, flags_parser=parse)


if __name__ == "__main__":
    start()
