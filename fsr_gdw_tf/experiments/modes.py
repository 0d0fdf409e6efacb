"""What the command line does: train, evaluate, compare, report, check."""

import functools
from collections.abc import Sequence
from pathlib import Path

from fsr_gdw_tf.distribution.hosts import print_on_chief
from fsr_gdw_tf.errors import InvalidInput, suggest_names
from fsr_gdw_tf.experiments import automatic, gin_config, staged_run
from fsr_gdw_tf.experiments.compare import compare
from fsr_gdw_tf.experiments.data_check import check_data
from fsr_gdw_tf.experiments.dry_run import dry_run
from fsr_gdw_tf.experiments.experiment import data_of_run, training_data
from fsr_gdw_tf.io.run_folder import RunFolder
from fsr_gdw_tf.label_report.build import build_report, print_page


def run(
    files: Sequence[str],
    params: Sequence[str],
    *,
    allow_imports: bool,
    run_dir: str | None,
    mode: str | None,
    modes: Sequence[str],
    command: Sequence[str],
) -> None:
    """Parse gin files and bindings, run a mode, and print its results.

    mode: one of `modes`; None is the setting MODE of the files.
    """
    gin_config.parse(files, params, allow_imports)
    mode = chosen_mode(mode, modes)
    if mode == "check":
        check_data()
        return
    folder = chosen_folder(run_dir, files)
    if mode in ("train", "evaluate"):
        automatic.apply_choices(folder)
    if mode == "compare":
        compare(folder, files, params, command, allow_imports)
    elif mode == "report":
        _report(folder, allow_imports)
    else:
        _train_or_evaluate(mode, folder, command)
    print_on_chief(f"Results: {folder.path.resolve()}")


def plan(
    files: Sequence[str],
    params: Sequence[str],
    *,
    allow_imports: bool,
    run_dir: str | None,
    mode: str | None,
    modes: Sequence[str],
) -> None:
    """Print what `run` would train with these arguments; write nothing."""
    gin_config.parse(files, params, allow_imports)
    mode, folder = chosen_mode(mode, modes), chosen_folder(run_dir, files)
    dry_run(folder, files, params, allow_imports, mode)


def chosen_mode(mode: str | None, modes: Sequence[str]) -> str:
    """Return the mode of the flag, else that of the parsed files."""
    mode = mode or gin_config.value("MODE")
    if mode not in modes:
        raise InvalidInput(f"no MODE {mode!r}: {suggest_names(mode, modes)}")
    return mode


def chosen_folder(run_dir: str | None, files: Sequence[str]) -> RunFolder:
    """Return the folder of the flag, else runs/<name of the first file>."""
    return RunFolder(run_dir or Path("runs", Path(files[0]).stem))


def _train_or_evaluate(
    mode: str, folder: RunFolder, command: Sequence[str]
) -> None:
    """Train or evaluate, and print the numbers."""
    results = getattr(staged_run, mode)(folder, command)
    for name, value in results.items():
        shown = f"{value:.4g}" if isinstance(value, float) else value
        print_on_chief(f"{name}: {shown}")
    if mode == "train" and folder.reported:
        print_page(folder)


def _report(folder: RunFolder, allow_imports: bool) -> None:
    """Write the report of a run, and print where it is."""
    reload = functools.partial(data_of_run, folder)
    if allow_imports:  # the folder's configuration has imports
        automatic.apply_choices(folder)
        reload = training_data
    build_report(folder, reload=reload)
    print_page(folder)
