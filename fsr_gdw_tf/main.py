"""python -m fsr_gdw_tf.main --gin_file=gin/digits.gin"""

import os
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from absl import app, flags

from fsr_gdw_tf import config
from fsr_gdw_tf.compare import compare
from fsr_gdw_tf.errors import BadInput
from fsr_gdw_tf.experiment import Experiment
from fsr_gdw_tf.run_folder import RunFolder

FLAGS = flags.FLAGS
MODES = ["train", "evaluate", "compare"]
flags.DEFINE_multi_string("gin_file", [], "Configuration; several add up.")
flags.DEFINE_multi_string("gin_param", [], "A binding, such as NOISE=0.4.")
flags.DEFINE_string("run_dir", None, "Results go here: runs/<gin file>.")
flags.DEFINE_enum("mode", None, MODES, "What to do: MODE of the gin file.")


def launch(argv: list[str]) -> None:
    """Flags -> gin -> experiment."""
    files, params = list(FLAGS.gin_file), FLAGS.gin_param
    config.parse(files, params)
    mode = FLAGS.mode or config.value("MODE")
    folder = RunFolder(FLAGS.run_dir or Path("runs") / Path(files[0]).stem)
    if mode == "compare":
        folder.open(config.text())

        def run(method: str, place: RunFolder) -> dict:
            config.parse([*files, f"gin/methods/{method}.gin"], params)
            return config.make(Experiment).train(place, argv)

        compare(folder, config.value("COMPARE"), run)
    else:
        result = getattr(config.make(Experiment), mode)(folder, argv)
        print("\n".join(f"{name}: {value}" for name, value in result.items()))
    print(f"Results: {folder.path.resolve()}")


def main(argv: list[str]) -> None:
    """Bad input ends in one line and exit code 2."""
    try:
        if argv[1:]:
            raise BadInput(f"unexpected argument {argv[1]!r}: flags start --")
        launch(sys.argv)
    except BadInput as error:
        refuse(error)


def refuse(error: Exception) -> None:
    """Say what is wrong in one line, and end."""
    print(f"error: {str(error).splitlines()[0]}", file=sys.stderr)
    sys.exit(2)


def parse_flags(argv: list[str]) -> list[str]:
    """Flags, where a wrong one is bad input like any other."""
    FLAGS.set_default("verbosity", -1)  # TensorFlow's chatter stays out
    try:
        return FLAGS(argv)
    except flags.Error as error:
        return refuse(error)


if __name__ == "__main__":
    app.run(main, flags_parser=parse_flags)
