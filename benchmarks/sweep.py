"""Runs of a table: settings x methods x seeds, trained, resumed, tabulated.

accuracy.py and panel.py say what their settings and columns are. A finished run
has a folder with the file DONE and is skipped; an interrupted one resumes. The
CSV has a row for each run; rows of runs that are not in --run_dir stay, so that
a table can be filled on several machines.
"""

import dataclasses
import json
import shlex
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import recipes
import run_pool
from absl import flags
from environment import commit
from result_tables import read_runs, tested_on

from fsr_gdw_tf.errors import InvalidInput, suggest_names
from fsr_gdw_tf.experiments import gin_config, run_info
from fsr_gdw_tf.io.files import write_csv, write_json
from fsr_gdw_tf.io.run_folder import RunFolder

FLAGS = flags.FLAGS
IMAGES = {False: "test", True: "held-out training images"}
PLAIN, ORACLE = "supervised", "oracle"


@dataclasses.dataclass(frozen=True)
class Setting:
    """Data and schedule of runs.

    held_out: bindings that test on training examples no run trains on.
    oracle: bindings that remove the wrong labels; empty where none are wrong.
    data_dir: whether the files have the setting DATA_DIR.
    """

    files: tuple[str, ...]
    bindings: tuple[str, ...]
    held_out: tuple[str, ...]
    oracle: tuple[str, ...] = ()
    data_dir: bool = True


class Run(NamedTuple):
    """One training run of a table."""

    setting: str
    method: str
    seed: int


def define_flags(run_dir: str | None, csv: str | None) -> None:
    """Define the flags of a script, with its default folder and table."""
    flags.DEFINE_string("data_dir", None, "The folder that holds cifar10/.")
    flags.DEFINE_string("run_dir", run_dir, "Folder of all runs.")
    flags.DEFINE_string("csv", csv, "CSV file to write.")
    flags.DEFINE_list("seeds", ["0", "1", "2"], "Values of SEED.")
    flags.DEFINE_list("params", [], "Gin bindings NAME=VALUE of every run.")
    flags.DEFINE_bool("validate", False, "Test on held-out training images.")
    flags.DEFINE_bool("show", False, "Only print the commands of missing runs.")


def recipe_of(method: str) -> recipes.Recipe:
    """Return the recipe of a method; the oracle is plain training."""
    return recipes.parse(PLAIN if method == ORACLE else method)


def read_info(folder: RunFolder) -> dict:
    """Return the contents of a run's run.json; empty without one."""
    path = folder / "run.json"
    return json.loads(path.read_text()) if path.is_file() else {}


def require_same_images(path: Path, images: str | None, flag: str) -> None:
    """Reject a table or a run that was tested on other images."""
    expected = IMAGES[FLAGS.validate]
    if images not in (None, expected):
        raise InvalidInput(
            f"{path} was tested on {images}, this is on {expected}; choose "
            f"another {flag}"
        )


@dataclasses.dataclass(frozen=True)
class Sweep:
    """The runs that the flags ask for, and the table they belong to.

    settings: by name; chosen, methods: the names that are asked for.
    columns: name and type of the table's columns: those of `Run`, those that
        `measure` returns for a finished run, "commit" and "threads".
    threads: CPU threads of each run, noted in its row.
    launcher: how a shell trains a run alone.
    """

    settings: Mapping[str, Setting]
    chosen: list[str]
    methods: list[str]
    columns: Mapping[str, Callable]
    measure: Callable[[RunFolder], dict]
    threads: int
    launcher: tuple[str, ...] = ("python", "-m", "fsr_gdw_tf.main")

    @property
    def runs(self) -> list[Run]:
        """Return all runs, those of the first seed first."""
        return [
            Run(setting, method, int(seed))
            for seed in FLAGS.seeds
            for setting in self.chosen
            for method in self.methods
            if method != ORACLE or self.settings[setting].oracle
        ]

    @property
    def missing(self) -> list[Run]:
        """Return the runs that are not finished."""
        return [run for run in self.runs if not self.folder(run).done]

    def folder(self, run: Run) -> RunFolder:
        """Return a run's folder below --run_dir."""
        names = map(recipes.folder_name, (run.setting, run.method))
        return RunFolder(Path(FLAGS.run_dir).joinpath(*names, str(run.seed)))

    def job(self, run: Run) -> run_pool.Job:
        """Return what is trained for a run, and the command that does it."""
        setting, recipe = self.settings[run.setting], recipe_of(run.method)
        params = [*setting.bindings, *recipe.bindings]
        params += setting.oracle if run.method == ORACLE else []
        params += [f"SEED={run.seed}", *FLAGS.params]
        params += setting.held_out if FLAGS.validate else []
        if FLAGS.data_dir and setting.data_dir:
            params.append(f"DATA_DIR={FLAGS.data_dir!r}")
        files, folder = [*setting.files, recipe.file], self.folder(run).path
        command = [
            *(*self.launcher, "--mode=train"),
            *(f"--gin_file={file}" for file in files),
            *(f"--gin_param={param}" for param in params),
            f"--run_dir={folder}",
        ]
        return run_pool.Job(" ".join(map(str, run)), files, params, command)

    def check(self) -> None:
        """Raise for flags and files that cannot give one table."""
        for setting in self.chosen:
            if setting not in self.settings:
                names = suggest_names(setting, self.settings)
                raise InvalidInput(f"no setting {setting!r}: {names}")
        oracle = any(setting.oracle for setting in self.settings.values())
        for method in self.methods:
            recipe = recipe_of(method) if oracle else recipes.parse(method)
            recipes.load(recipe)
        for seed in FLAGS.seeds:
            if not seed.isdecimal():
                raise InvalidInput(f"a seed is 0 or more, got {seed!r}")
        for setting in self.chosen:
            job = self.job(Run(setting, PLAIN, 0))
            gin_config.parse(job.files, job.params, allow_imports=True)
        self._check_images()

    def _check_images(self) -> None:
        """Raise if the table or a run was tested on other images."""
        path = Path(FLAGS.csv)
        self.existing_rows()
        require_same_images(path, tested_on(path), "--csv")
        for run in self.runs:
            folder = self.folder(run)
            if folder.done and (command := read_info(folder).get("command")):
                last = self.settings[run.setting].held_out[-1]
                images = IMAGES[f"--gin_param={last}" in command]
                require_same_images(folder.path, images, "--run_dir")

    def existing_rows(self) -> list[dict]:
        """Return the rows of --csv; none if there is no file."""
        path = Path(FLAGS.csv)
        return read_runs(path, self.columns) if path.is_file() else []

    def commit_and_threads(self) -> dict:
        """Return the commit and the number of threads of a run made now."""
        return {"commit": commit(), "threads": self.threads}

    def table(self) -> list[dict]:
        """Return the rows of the CSV, updated by the finished runs.

        A row whose numbers have not changed keeps its commit.
        """
        rows = {
            Run(*(row[name] for name in Run._fields)): row
            for row in self.existing_rows()
        }
        now = self.commit_and_threads()
        for run in self.runs:
            if not self.folder(run).done:
                continue
            row = run._asdict() | self.measure(self.folder(run))
            if any(rows.get(run, {}).get(k) != v for k, v in row.items()):
                info = read_info(self.folder(run))
                made_by = {k: info.get(k) or value for k, value in now.items()}
                rows[run] = row | {**made_by, "commit": made_by["commit"][:10]}
        return sorted(rows.values(), key=self._position)

    def _position(self, row: dict) -> tuple:
        """Return a row's sort key: settings in order, plain training first."""
        order = {setting: i for i, setting in enumerate(self.settings)}
        method = row["method"]
        setting = order.get(row["setting"], len(order))
        return setting, method != PLAIN, method, row["seed"]

    def write(self) -> list[dict]:
        """Write the table, and a JSON file on how it was made; return it."""
        if rows := self.table():
            path = Path(FLAGS.csv)
            info = {
                "command": sys.argv,
                **self.commit_and_threads(),
                "seeds": FLAGS.seeds,
                "tested on": IMAGES[FLAGS.validate],
                "versions": run_info.versions(),
            }
            write_json(path.with_suffix(".json"), info)
            write_csv(path, rows, list(self.columns))
        return rows

    def train(self, **settings: object) -> list[str]:
        """Train the missing runs; return the logs of those that failed.

        settings: of `run_pool.train`. The table is written after each run.
        """
        failed = []

        def ended(job: run_pool.Job, done: bool) -> None:
            folder = RunFolder(job.folder)
            if done:  # tables may be made later, by other code
                info = read_info(folder) | self.commit_and_threads()
                write_json(folder / "run.json", info)
            else:
                failed.append(str(job.log))
                print(f"failed: {job.log}", flush=True)
            self.write()

        run_pool.train([self.job(run) for run in self.missing], ended, settings)
        return failed

    def show(self) -> None:
        """Print the commands of the missing runs."""
        for run in self.missing:
            print(shlex.join(self.job(run).command))
