"""python -m fsr_gdw_tf.main --gin_file=gin/digits.gin"""

import os
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from absl import app, flags, logging

from fsr_gdw_tf import config
from fsr_gdw_tf.compare import compare
from fsr_gdw_tf.devices import say
from fsr_gdw_tf.errors import BadInput, choices
from fsr_gdw_tf.experiment import Experiment
from fsr_gdw_tf.report.make import make
from fsr_gdw_tf.run_folder import RunFolder

FLAGS = flags.FLAGS
MODES = ["train", "evaluate", "compare", "report"]
flags.DEFINE_multi_string("gin_file", [], "Configuration; several add up.")
flags.DEFINE_multi_string("gin_param", [], "A binding, such as NOISE=0.4.")
flags.DEFINE_string("run_dir", None, "Results go here: runs/<gin file>.")
flags.DEFINE_enum("mode", None, MODES, "What to do: MODE of the gin file.")


def main(argv: list[str]) -> None:
    """Flags -> gin -> experiment; bad input ends in one line and code 2."""
    try:
        if argv[1:]:
            raise BadInput(f"unexpected argument {argv[1]!r}: flags start --")
        files, params = FLAGS.gin_file, FLAGS.gin_param
        config.parse(files, params)
        mode = FLAGS.mode or config.value("MODE")
        if mode not in MODES:
            raise BadInput(f"no MODE {mode!r}: {choices(mode, MODES)}")
        folder = RunFolder(FLAGS.run_dir or Path("runs", Path(files[0]).stem))
        if mode == "compare":
            compare(folder, files, params, sys.argv)
        elif mode == "report":
            say(f"Report: {make(folder)}")
        else:
            experiment = config.make(Experiment)
            for name, value in getattr(experiment, mode)(
                folder, sys.argv
            ).items():
                say(f"{name}: {value}")
        say(f"Results: {folder.path.resolve()}")
    except BadInput as error:
        refuse(error)


def refuse(error: Exception) -> None:
    """Say what is wrong in one line, and end."""
    print(f"error: {str(error).splitlines()[0]}", file=sys.stderr)
    sys.exit(2)


def parse_flags(argv: list[str]) -> list[str]:
    """Flags, where a wrong one is bad input like any other."""
    try:
        rest = FLAGS(argv)
    except flags.Error as error:
        return refuse(error)
    if not FLAGS["verbosity"].present:
        logging.set_verbosity(logging.WARNING)  # no chatter of TensorFlow
    return rest


if __name__ == "__main__":
    app.run(main, flags_parser=parse_flags)
