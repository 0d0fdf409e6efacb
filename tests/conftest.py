"""Fixtures that many tests share.

TensorFlow is imported where it is used: xdist's main process, which hands out
the tests, needs none of it, and its workers start when it has read this.
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# XLA's programs run a few times: LLVM's optimisations take longer than that.
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0")
if "PYTEST_XDIST_WORKER" in os.environ:
    # Workers share the cores, and small operations are slower on two threads.
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
    os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest

pytest.register_assert_rewrite("support")


def pytest_collection_modifyitems(items):
    """Run folders of long files first; a worker runs all tests of a file."""
    long = ("contract", "end_to_end", "benchmarks")
    items.sort(key=lambda item: item.path.parent.name not in long)


@pytest.fixture(autouse=True)
def seeded():
    """Start every test from the same seed, alone or in parallel."""
    import keras

    keras.utils.set_random_seed(0)


@pytest.fixture
def double():
    """Compute in float64."""
    from support.precision import compute_in

    with compute_in("float64"):
        yield


@pytest.fixture
def command_line(capsys, monkeypatch):
    """Return a function that runs main: (exit code, stdout, stderr)."""
    from fsr_gdw_tf import main
    from fsr_gdw_tf.command_line import parse_flags
    from fsr_gdw_tf.experiments import gin_config

    def run(*args: str):
        monkeypatch.setattr("sys.argv", ["main", *args])
        main.FLAGS.unparse_flags()
        for name in (
            "allow_imports",
            "dry_run",
            "gin_file",
            "gin_param",
            "run_dir",
            "mode",
        ):
            main.FLAGS[name].unparse()
        code = 0
        try:
            main.main(parse_flags(["main", *args]))
        except SystemExit as stop:
            code = stop.code
        out = capsys.readouterr()
        return code, out.out, out.err

    yield run
    gin_config.gin.clear_config()


@pytest.fixture
def report_line(capsys, monkeypatch):
    """Return a function that runs the report command, like command_line."""
    from fsr_gdw_tf import report

    def run(*args: str):
        report.FLAGS.unparse_flags()
        own = report.FLAGS.get_key_flags_for_module(report)
        for flag in own:
            flag.unparse()
        code = 0
        try:
            report.main(report.FLAGS(["report", *map(str, args)]))
        except SystemExit as stop:
            code = stop.code
        out = capsys.readouterr()
        return code, out.out, out.err

    return run
