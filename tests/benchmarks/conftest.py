"""Scripts of benchmarks/ run in processes of their own."""

import os
from subprocess import CompletedProcess

import pytest
from environment import ROOT
from support.forked import run_forked

# Scripts cannot be imported here: several define flags of the same names.
PROGRAM = """if True:
    import importlib, sys
    script = importlib.import_module(sys.argv[1])
    exec(sys.argv[2], vars(script))
    sys.argv = [script.__file__, *sys.argv[3:]]
    script.main(script.parse_flags(sys.argv))
"""


@pytest.fixture(scope="session")
def run_script():
    """Run a script with flags.

    `before` is code that changes names of the script, for this run alone.
    """

    def run(name: str, *flags: str, before: str = "") -> CompletedProcess:
        program = ["-c", PROGRAM, name, before, *flags]
        return run_forked(program, environment(), ROOT)

    return run


def environment() -> dict[str, str]:
    """Return the environment of a script; COLUMNS is of printed tables."""
    path = f"{ROOT}{os.pathsep}{ROOT / 'benchmarks'}"
    return {**os.environ, "PYTHONPATH": path, "COLUMNS": "120"}
