"""Python programs in processes that need not import TensorFlow again.

A server imports TensorFlow and the package, runs no operation, and then forks
a process per program: what a fork would break, devices and pools of threads, is
not there yet. Such a process trains, is killed and exits as any other. Unlike
others it shares the imports and the seed of hashes with all that are forked, so
a few tests start Python itself.
"""

import multiprocessing
import os
import runpy
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from support.paths import ROOT, TESTS

SERVER = multiprocessing.get_context("forkserver")
# Not the commands: they define flags when they are run.
SERVER.set_forkserver_preload(["fsr_gdw_tf.experiments.compare"])


class Forked:
    """`python *args`, with the part of `subprocess.Popen` that tests use."""

    def __init__(self, args, out: Path, err: Path, env=None, cwd=None):
        """Start it; what it prints is appended to two files."""
        place = (dict(os.environ if env is None else env), cwd or os.getcwd())
        words, files = [*map(str, args)], (str(out), str(err))
        # A daemon: tests that fail and leave it running can end nevertheless.
        self.process = SERVER.Process(
            target=become, args=(words, files, place), daemon=True
        )
        self.process.start()

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def returncode(self) -> int | None:
        return self.process.exitcode

    def poll(self) -> int | None:
        return self.process.exitcode

    def wait(self) -> int:
        self.process.join()
        return self.process.exitcode

    def kill(self) -> None:
        self.process.kill()

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.process.pid, number)


def run_forked(args, env=None, cwd=None) -> subprocess.CompletedProcess:
    """Return how `python *args` ended, and what it printed."""
    with tempfile.TemporaryDirectory() as folder:
        out, err = Path(folder, "out"), Path(folder, "err")
        code = Forked(args, out, err, env, cwd).wait()
        printed = out.read_text("utf-8"), err.read_text("utf-8")
    return subprocess.CompletedProcess(args, code, *printed)


def become(words, files, place) -> None:
    """Run `python *words` in this process, which was forked for it."""
    for number, file in enumerate(files, 1):
        opened = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
        os.dup2(opened, number)
        os.close(opened)
    # Shells let what they start in the background ignore it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    environment, folder = place
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    try:
        run_program(*words)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


def run_program(kind: str, *words: str) -> None:
    """Run a module, a text or a script, as the words of Python say."""
    path = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    tests = {str(TESTS), str(ROOT / "benchmarks")}  # pytest has added them
    others = [folder for folder in sys.path if folder not in tests]
    first = str(Path(kind).resolve().parent)
    first = {"-m": os.getcwd(), "-c": ""}.get(kind, first)
    sys.path[:] = [first, *filter(None, path), *others]
    sys.argv[:] = words if kind == "-m" else [kind, *words]
    if kind == "-m":
        runpy.run_module(words[0], run_name="__main__", alter_sys=True)
    elif kind == "-c":
        sys.argv[1:] = words[1:]
        exec(words[0], {"__name__": "__main__"})
    else:
        runpy.run_path(kind, run_name="__main__")
