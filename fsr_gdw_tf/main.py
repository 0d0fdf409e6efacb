"""python -m fsr_gdw_tf.main --gin_file=gin/digits.gin"""

import os
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from absl import app, flags

from fsr_gdw_tf.command_line import parse_flags, refuse
from fsr_gdw_tf.distribution.hosts import say
from fsr_gdw_tf.errors import BadInput, choices
from fsr_gdw_tf.experiments import gin_config
from fsr_gdw_tf.experiments.compare import compare
from fsr_gdw_tf.experiments.experiment import Experiment, data_of_run
from fsr_gdw_tf.io.run_folder import RunFolder
from fsr_gdw_tf.label_report.build import make

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
        gin_config.parse(files, params)
        mode = FLAGS.mode or gin_config.value("MODE")
        if mode not in MODES:
            raise BadInput(f"no MODE {mode!r}: {choices(mode, MODES)}")
        folder = RunFolder(FLAGS.run_dir or Path("runs", Path(files[0]).stem))
        if mode == "compare":
            compare(folder, files, params, sys.argv)
        elif mode == "report":
            say(f"Report: {make(folder, reload=lambda: data_of_run(folder))}")
        else:
            experiment = gin_config.make(Experiment)
            for name, value in getattr(experiment, mode)(
                folder, sys.argv
            ).items():
                say(f"{name}: {value}")
        say(f"Results: {folder.path.resolve()}")
    except BadInput as error:
        refuse(error)


if __name__ == "__main__":
    app.run(main, flags_parser=parse_flags)
