"""Write all that `run.py` needs to train cells without TensorFlow.

    python benchmarks/full_scale/prepare.py --data_dir=tfds \\
        --cells=gdw_uniform_40_gdw_seed0,gdw_uniform_40_mwnet_seed0

The folder --prepared, `runs/full_scale/prepared` by default, is all that has to
be sent. It holds

images/: the images of CIFAR-10, encoded as in TFDS (`image_pack.py`).
programs/: an epoch and a test of each method as XLA programs, shared by cells
    that differ in their labels or seed alone, and a manifest.
values/: the variables before the first step, of each program and seed.
cells/: which images each cell trains and tests on, with its labels.
cells.json: the cells, in the order in which they are trained.

`--show` prints all cells with the commands that train them with TensorFlow, and
writes nothing.
"""

import gzip
import json
import os
import shlex
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(Path(__file__).parents[1]))

import gin
import numpy as np
from absl import app, flags
from environment import commit
from full_scale import image_pack
from full_scale.cells import Cell, all_cells
from full_scale.exporting import Prepared, build, program_files, variables

from fsr_gdw_tf.command_line import exit_with_error, parse_flags
from fsr_gdw_tf.data import Splits
from fsr_gdw_tf.data.datasets.tfds import tfds_images
from fsr_gdw_tf.errors import InvalidInput, suggest_names
from fsr_gdw_tf.experiments import gin_config
from fsr_gdw_tf.io.files import write_json

FLAGS = flags.FLAGS
flags.DEFINE_list(
    "cells",
    [cell.name for cell in all_cells()[:3]],
    "Names of cells.py, in the order of training.",
)
flags.DEFINE_string("data_dir", None, "The folder that holds cifar10/.")
flags.DEFINE_string(
    "prepared", "runs/full_scale/prepared", "Folder to write to."
)
flags.DEFINE_list("params", [], "Gin bindings NAME=VALUE of every cell.")
flags.DEFINE_integer(
    "steps_per_call",
    None,
    "Steps in one call of a program, a divisor of an epoch's; None: an epoch.",
    lower_bound=1,
)
flags.DEFINE_bool("show", False, "Only print the cells and their commands.")


def chosen_cells() -> list[Cell]:
    """Return the cells of --cells."""
    known = {cell.name: cell for cell in all_cells()}
    for name in FLAGS.cells:
        if name not in known:
            raise InvalidInput(
                f"no cell {name!r}: {suggest_names(name, known)}"
            )
    return [known[name] for name in FLAGS.cells]


def parse(cell: Cell) -> None:
    """Configure gin for a cell."""
    params = [*cell.gin_params, *FLAGS.params, "TRACK_LABELS=False"]
    if FLAGS.data_dir:
        params.append(f"DATA_DIR={FLAGS.data_dir!r}")
    gin_config.parse(cell.gin_files, params)


def encoded_images() -> list[bytes]:
    """Return the encoded images of both splits, in the order of TFDS."""
    import tensorflow_datasets as tfds

    bound = gin.get_bindings(tfds_images)
    builder = tfds.builder(bound["name"], data_dir=FLAGS.data_dir)
    skip = {"image": tfds.decode.SkipDecoding()}
    splits = [bound.get(f"{k}_split", k) for k in ("train", "test")]
    return [
        example["image"]
        for split in splits
        for example in tfds.as_numpy(
            builder.as_dataset(split=split, shuffle_files=False, decoders=skip)
        )
    ]


def write_images(folder: Path, data: Splits) -> None:
    """Write the images, unless those of these data are there."""
    labels = np.concatenate([data.train.labels, data.test.labels])
    about = {"labels": image_pack.digest(labels), "images": len(labels)}
    try:
        old = image_pack.about(folder)
    except image_pack.PackError:
        old = {}
    if any(old.get(name) != value for name, value in about.items()):
        image_pack.write(folder, encoded_images(), about)


def write_program(folder: Path, prepared: Prepared) -> None:
    """Write the programs of a cell and their manifest."""
    folder.mkdir(parents=True, exist_ok=True)
    programs, manifest = program_files(prepared)
    for name, program in programs.items():
        data = gzip.compress(program, compresslevel=6, mtime=0)
        (folder / f"{name}.hlo.gz").write_bytes(data)
    write_json(folder / "manifest.json", manifest)


def write_values(file: Path, prepared: Prepared, manifest: dict) -> None:
    """Write the variables that the programs read, as they are at the start."""
    file.parent.mkdir(parents=True, exist_ok=True)
    known = variables(prepared)
    names = {n for k in ("train", "test") for n in manifest[k]["variables"]}
    names |= set((manifest["dictionary"] or {}).values())
    if missing := sorted(names - set(known)):
        raise RuntimeError(f"no variable {missing[0]} in {file.stem}")
    np.savez_compressed(file, **{n: known[n] for n in sorted(names)})


def write_cell(folder: Path, cell: Cell, data: Splits, written: set) -> dict:
    """Write what a cell needs; return its entry of cells.json.

    written: names of the programs that are up to date; a new one is added.
    """
    parse(cell)
    prepared = build(data, FLAGS.steps_per_call)
    program = f"{cell.schedule.lower()}_{cell.method}_{prepared.examples}"
    if program not in written:
        write_program(folder / "programs" / program, prepared)
        written.add(program)
    text = (folder / "programs" / program / "manifest.json").read_text()
    values = f"{program}_seed{cell.seed}"
    file = folder / "values" / f"{values}.npz"
    write_values(file, prepared, json.loads(text))
    file = folder / "cells" / f"{cell.name}.npz"
    file.parent.mkdir(exist_ok=True)
    np.savez_compressed(file, **prepared.arrays)
    entry = {"name": cell.name, **cell._asdict(), "program": program}
    entry |= {"values": values, "epochs": prepared.experiment.epochs}
    return entry | {"params": FLAGS.params, "commit": commit()}


def main(argv: list[str]) -> None:
    """Write the folder, or show the cells."""
    if FLAGS.show:
        for cell in all_cells():
            print(f"{cell.name}: {shlex.join(cell.command)}")
        return
    folder = Path(FLAGS.prepared)
    try:
        cells = chosen_cells()
        parse(cells[0])
        data = gin_config.instantiate(tfds_images)
        write_images(folder / "images", data)
        written = set()
        entries = [write_cell(folder, cell, data, written) for cell in cells]
    except InvalidInput as error:
        exit_with_error(error)
    write_json(folder / "cells.json", entries)
    for entry in entries:
        print(entry["name"])


if __name__ == "__main__":
    app.run(main, flags_parser=parse_flags)
