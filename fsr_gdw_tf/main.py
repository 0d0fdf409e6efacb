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
    print_text,
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
# Without a recipe: each is a function that returns a text.
TEXTS = {
    "list": ("experiments.catalogue", "catalogue"),
    "doctor": ("experiments.doctor", "diagnosis"),
}
WITHOUT_RECIPE = {
    "list": "print all recipes, methods, networks and data, a line each",
    "doctor": "print versions, devices, memory, and what is missing for what",
}
flags.DEFINE_multi_string("gin_file", [], "A gin file; repeat for several.")
flags.DEFINE_multi_string("gin_param", [], "A binding, such as NOISE=0.4.")
flags.DEFINE_bool(
    "allow_imports", False, "Gin files may import modules, which runs them."
)
flags.DEFINE_string("run_dir", None, "Results; default runs/<gin file>.")
flags.DEFINE_enum(
    "mode",
    None,
    [*MODES, *WITHOUT_RECIPE],
    "What to do; default MODE in gin.",
)
flags.DEFINE_bool(
    "dry_run", False, "Print what would be trained, and for how long."
)


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
        if FLAGS.mode in TEXTS:
            print_text(_text_of(*TEXTS[FLAGS.mode]))
        else:
            _run()
    except InvalidInput as error:
        exit_with_error(error)
    except Diverged as error:
        exit_with_error(error, code=3)
    except KeyboardInterrupt:
        exit_interrupted()


def _text_of(module: str, function: str) -> str:
    """Return the text of a mode without a recipe."""
    with without_startup_lines():
        found = importlib.import_module(f"fsr_gdw_tf.{module}")
        return getattr(found, function)()


def _run() -> None:
    """Run a mode of a recipe, or print what it would train."""
    with without_startup_lines():
        modes = importlib.import_module("fsr_gdw_tf.experiments.modes")
    request = {
        "files": FLAGS.gin_file,
        "params": FLAGS.gin_param,
        "allow_imports": FLAGS.allow_imports,
        "run_dir": FLAGS.run_dir,
        "mode": FLAGS.mode,
        "modes": list(MODES),
    }
    if FLAGS.dry_run:
        modes.plan(**request)
    else:
        modes.run(**request, command=sys.argv)


def parse(argv: list[str]) -> list[str]:
    """Parse the flags; --help prints what can be asked for and ends."""
    if {"--help", "-h"} & {*argv[1:]}:
        module = FLAGS.find_module_defining_flag("mode")
        own_flags = FLAGS.flags_by_module_dict()[module]
        print_text(command_help(MODES | WITHOUT_RECIPE, own_flags))
        sys.exit(0)
    return parse_flags(argv)


def start() -> None:
    """Run the command; the script `fsr-gdw` starts here."""
    app.run(main, flags_parser=parse)


if __name__ == "__main__":
    start()
