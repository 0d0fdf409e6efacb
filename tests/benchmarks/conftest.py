"""Scripts of benchmarks/ run in processes that several tests share."""

import json
import os
import subprocess
import sys
from types import SimpleNamespace

import pytest
from environment import ROOT

MARK = "== ended: "
LOOP = f"""if True:
    import contextlib, importlib, io, json, sys
    script = importlib.import_module(sys.argv[1])
    for line in sys.stdin:
        flags, before = json.loads(line)
        names = dict(vars(script))
        exec(before, vars(script))
        for name in script.FLAGS:
            script.FLAGS[name].unparse()
        script.FLAGS.unparse_flags()
        out, err, code = io.StringIO(), io.StringIO(), 0
        sys.argv = [script.__file__, *flags]
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                script.main(script.parse_flags(sys.argv))
            except SystemExit as stop:
                code = stop.code
        vars(script).update(names)
        ended = {{"returncode": code}}
        ended |= {{"stdout": out.getvalue(), "stderr": err.getvalue()}}
        print({MARK!r} + json.dumps(ended), flush=True)
"""


@pytest.fixture(scope="session")
def run_script():
    """Run a script with flags; importing TensorFlow takes most of the time.

    `before` is code that changes names of the script, for this run alone.
    Scripts cannot be imported here: several define flags of the same names.
    """
    processes = {}

    def run(name: str, *flags: str, before: str = "") -> SimpleNamespace:
        if name not in processes:
            processes[name] = subprocess.Popen(
                [sys.executable, "-c", LOOP, name],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                env=environment(),
                cwd=ROOT,
            )
        process = processes[name]
        print(json.dumps([flags, before]), file=process.stdin, flush=True)
        for line in process.stdout:
            if line.startswith(MARK):
                return SimpleNamespace(**json.loads(line.removeprefix(MARK)))
        raise RuntimeError(f"{name} ended with {process.wait()}; see stderr")

    yield run
    for process in processes.values():
        process.stdin.close()
        process.wait()


def environment() -> dict[str, str]:
    """Return the environment of a script; COLUMNS is of printed tables."""
    path = f"{ROOT}{os.pathsep}{ROOT / 'benchmarks'}"
    return {**os.environ, "PYTHONPATH": path, "COLUMNS": "120"}
