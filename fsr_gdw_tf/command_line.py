"""Flags, and errors in one line."""

import sys

from absl import flags, logging

FLAGS = flags.FLAGS


def exit_with_error(error: Exception) -> None:
    """Say what is wrong in one line, and end."""
    print(f"error: {str(error).splitlines()[0]}", file=sys.stderr)
    sys.exit(2)


def parse_flags(argv: list[str]) -> list[str]:
    """Flags, where a wrong one is bad input like any other."""
    try:
        rest = FLAGS(argv)
    except flags.Error as error:
        return exit_with_error(error)
    if not FLAGS["verbosity"].present:
        logging.set_verbosity(logging.WARNING)  # no chatter of TensorFlow
    return rest
