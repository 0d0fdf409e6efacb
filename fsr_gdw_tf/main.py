"""Train, evaluate or compare what gin files describe.

python -m fsr_gdw_tf.main --gin_file=gin/digits.gin
"""

import functools
import sys
from pathlib import Path

from absl import app, flags

from fsr_gdw_tf.command_line import (
    exit_interrupted,
    exit_with_error,
    parse_flags,
)
from fsr_gdw_tf.distribution.hosts import print_on_chief
from fsr_gdw_tf.errors import InvalidInput, suggest_names
from fsr_gdw_tf.experiments import gin_config
from fsr_gdw_tf.experiments.compare import compare
from fsr_gdw_tf.experiments.experiment import (
    Experiment,
    data_of_run,
    training_data,
)
from fsr_gdw_tf.io.run_folder import RunFolder
from fsr_gdw_tf.label_report.build import build_report, print_page

FLAGS = flags.FLAGS
MODES = ["train", "evaluate", "compare", "report"]
flags.DEFINE_multi_string("gin_file", [], "A gin file; repeat for several.")
flags.DEFINE_multi_string("gin_param", [], "A binding, such as NOISE=0.4.")
flags.DEFINE_bool(
    "allow_imports", False, "Gin files may import modules, which runs them."
)
flags.DEFINE_string("run_dir", None, "Results; default runs/<gin file>.")
flags.DEFINE_enum("mode", None, MODES, "What to do; default MODE in gin.")


def main(argv: list[str]) -> None:
    """Parse the gin files and run MODE; invalid input exits with code 2."""
    try:
        if argv[1:]:
            raise InvalidInput(
                f"unexpected argument {argv[1]!r}: flags start --"
            )
        files, params = FLAGS.gin_file, FLAGS.gin_param
        gin_config.parse(files, params, FLAGS.allow_imports)
        mode = FLAGS.mode or gin_config.value("MODE")
        if mode not in MODES:
            raise InvalidInput(
                f"no MODE {mode!r}: {suggest_names(mode, MODES)}"
            )
        folder = RunFolder(FLAGS.run_dir or Path("runs", Path(files[0]).stem))
        run(mode, folder)
        print_on_chief(f"Results: {folder.path.resolve()}")
    except InvalidInput as error:
        exit_with_error(error)
    except KeyboardInterrupt:
        exit_interrupted()


def run(mode: str, folder: RunFolder) -> None:
    """Run a mode on the parsed configuration, and print its results."""
    if mode == "compare":
        files = {"files": FLAGS.gin_file, "params": FLAGS.gin_param}
        compare(
            folder, **files, allow_imports=FLAGS.allow_imports, command=sys.argv
        )
        return
    if mode == "report":
        own = FLAGS.allow_imports  # the folder's configuration has imports
        reload = (
            training_data if own else functools.partial(data_of_run, folder)
        )
        print_page(folder, build_report(folder, reload=reload))
        return
    experiment = gin_config.instantiate(Experiment)
    results = getattr(experiment, mode)(folder, sys.argv)
    for name, value in results.items():
        print_on_chief(f"{name}: {value}")


if __name__ == "__main__":
    app.run(main, flags_parser=parse_flags)
