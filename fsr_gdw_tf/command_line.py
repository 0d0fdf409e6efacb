"""What the commands share: flags, one-line errors, environment variables.

Import it before TensorFlow, which reads its log level when it is imported.
"""

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import NoReturn

from absl import flags, logging

from fsr_gdw_tf.errors import first_line, printable

FLAGS = flags.FLAGS

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


@contextlib.contextmanager
def without_startup_lines() -> Iterator[None]:
    """Hide what TensorFlow's libraries print while they are imported.

    Python's own errors are not lost: they are raised. The lines come from C++,
    which writes to the file descriptor.
    """
    sys.stderr.flush()
    try:
        stderr = os.dup(2)
    except OSError:  # it is closed
        yield
        return
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(stderr, 2)
        os.close(stderr)


def print_text(text: str) -> None:
    """Print a text; a reader that has seen enough, as `head`, is no error."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        # Python flushes once more when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def hide_gpus() -> None:
    """Keep this process off the GPUs, which a training run may be using."""
    os.environ["CUDA_VISIBLE_DEVICES"] = "-1"


def exit_with_error(error: Exception, code: int = 2) -> NoReturn:
    """Print the first line of an error and exit with a code."""
    print(f"error: {printable(first_line(error))}", file=sys.stderr)
    sys.exit(code)


def exit_interrupted() -> NoReturn:
    """Print that Ctrl-C has ended the command and exit with code 130."""
    _print_interrupted()
    sys.exit(130)


def _print_interrupted() -> None:
    print("interrupted; the same command starts it again", file=sys.stderr)


def _print_exception(kind: type, *details: object) -> None:
    """Print what ends the process; of Ctrl-C, during imports, one line."""
    if issubclass(kind, KeyboardInterrupt):
        _print_interrupted()
    else:
        sys.__excepthook__(kind, *details)


sys.excepthook = _print_exception


def parse_flags(argv: list[str]) -> list[str]:
    """Parse the flags and return the other arguments; exit on a wrong flag."""
    try:
        arguments = FLAGS(argv)
    except flags.Error as error:
        exit_with_error(error)
    if not FLAGS["verbosity"].present:
        logging.set_verbosity(logging.WARNING)
    return arguments
