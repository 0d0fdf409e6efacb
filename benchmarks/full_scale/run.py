"""Train the prepared cells on this machine, with JAX, NumPy and Pillow alone.

    python benchmarks/full_scale/run.py --minutes=12 --processes=3

Takes the unfinished cells of `prepare.py` in their order, --processes at a
time on the same device, each in a process of its own. All stop in time: a cell
whose next epoch would end after --minutes saves its state, and the next call
resumes it; none starts in the last minute. A cell that fails does not stop the
others.

--results has a folder for each cell: rows.csv (a row per epoch, written as it
comes), state.npz, log.txt, cell.json (what it is) and, at the end, result.json.
"""

import argparse
import csv
import json
import os
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
from full_scale import image_pack
from full_scale.training import Training
from jax_programs import at_least, exit_with_error, find_device

RESULT, ROWS = "result.json", "rows.csv"
MARGIN = 1.3  # an epoch may take this much longer than the slowest before
TO_START = 60  # seconds to compile a program and train the first epoch


def train_cell(entry: dict, args: argparse.Namespace) -> None:
    """Train one cell, to its end or until the time is over."""
    device = find_device()
    folder = args.results / entry["name"]
    require_same_cell(folder / "cell.json", entry)
    training = Training(args.prepared, entry, device)
    training.restore(folder)
    rows = read_rows(folder)[: training.epoch]
    slowest = max((float(row["seconds"]) for row in rows), default=0.0)
    unsaved, first = 0, training.epoch
    while training.epoch < entry["epochs"]:
        late = time.time() + MARGIN * slowest > args.until
        if late or training.epoch - first == (args.epochs or -1):
            break
        rows.append(training.run_epoch())
        write_rows(folder, rows)
        slowest, unsaved = max(slowest, rows[-1]["seconds"]), unsaved + 1
        if unsaved == args.save_every:
            training.save(folder)
            unsaved = 0
    training.save(folder)
    if training.epoch == entry["epochs"]:
        write_result(folder, training, rows)


def require_same_cell(file: Path, entry: dict) -> None:
    """Write the entry of a new cell; that of an old one must be the same."""
    if not file.is_file():
        file.write_text(json.dumps(entry, indent=2) + "\n")
    old = json.loads(file.read_text())
    for name in sorted({*old, *entry}):
        if old.get(name) != entry.get(name):
            exit_with_error(
                f"{file.parent} has {name} {old.get(name)!r}, the prepared "
                f"cell has {entry.get(name)!r}; choose another --results"
            )


def read_rows(folder: Path) -> list[dict]:
    """Return the rows of a cell's epochs so far."""
    if not (folder / ROWS).is_file():
        return []
    with (folder / ROWS).open(newline="") as file:
        return list(csv.DictReader(file))


def write_rows(folder: Path, rows: list[dict]) -> None:
    """Write the rows of a cell's epochs, as a whole."""
    partial = folder / f"partial_{ROWS}"
    with partial.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[-1]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    partial.replace(folder / ROWS)


def write_result(folder: Path, training: Training, rows: list[dict]) -> None:
    """Write what `collect.py` reads of a finished cell."""
    import jax

    accuracies = [float(row["val_accuracy"]) for row in rows]
    seconds = [float(row["seconds"]) for row in rows]
    names = ("tensorflow", "keras")
    result = {
        **training.entry,
        "last5": float(np.mean(accuracies[-5:])),
        "best": max(accuracies),
        "epoch_s": float(np.median(seconds)),
        "compile_s": round(training.compile_s, 1),
        "device": training.device.device_kind,
        "runtime": f"jax {jax.__version__}",
        **{name: training.manifest[name] for name in names},
    }
    (folder / RESULT).write_text(json.dumps(result, indent=2) + "\n")


def start(entry: dict, args: argparse.Namespace) -> subprocess.Popen:
    """Start the process of a cell."""
    folder = args.results / entry["name"]
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, __file__, f"--cell={entry['name']}"]
    for name in ("prepared", "results", "until", "epochs", "save_every"):
        command.append(f"--{name}={getattr(args, name)}")
    # Processes share the memory of the device.
    shared = {"XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
    with (folder / "log.txt").open("a") as log:
        return subprocess.Popen(
            command, stdout=log, stderr=log, env=os.environ | shared
        )


def train_all(entries: list[dict], args: argparse.Namespace) -> list[str]:
    """Train cells in order; return the logs of those that failed."""
    waiting, active, failed = list(entries), {}, []
    last_start = args.until - TO_START
    while active or (waiting and time.time() < last_start):
        while waiting and len(active) < args.processes:
            if time.time() >= last_start:
                break
            entry = waiting.pop(0)
            print("start:", entry["name"], flush=True)
            active[entry["name"]] = start(entry, args)
        for name, process in list(active.items()):
            if process.poll() is None:
                continue
            del active[name]
            done = len(read_rows(args.results / name))
            print(f"ended: {name}, {done} epochs done", flush=True)
            if process.returncode:
                failed.append(str(args.results / name / "log.txt"))
        time.sleep(0.1)
    return failed


def parse_flags() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add, base = parser.add_argument, Path("runs/full_scale")
    add("--prepared", type=Path, default=base / "prepared")
    add("--results", type=Path, default=base / "results")
    add("--minutes", type=float, default=60.0, help="when to stop")
    add("--processes", type=at_least(1), default=1, help="cells at a time")
    add("--save_every", type=at_least(1), default=5, help="epochs")
    add(
        "--epochs",
        type=at_least(0),
        default=0,
        help="of each cell in this call; 0: all",
    )
    add("--cell", help=argparse.SUPPRESS)  # of the process of a cell
    add("--until", type=float, help=argparse.SUPPRESS)
    args = parser.parse_args()
    args.until = args.until or time.time() + 60 * args.minutes
    return args


def read_cells(prepared: Path) -> list[dict]:
    """Return the entries of cells.json."""
    file = prepared / "cells.json"
    if not file.is_file():
        exit_with_error(
            f"{prepared} holds no cells: expected cells.json, got none; write "
            "it with benchmarks/full_scale/prepare.py"
        )
    return json.loads(file.read_text())


def main() -> None:
    """Train all cells, or be the process of one."""
    args = parse_flags()
    entries = read_cells(args.prepared)
    if args.cell:
        entry = next(e for e in entries if e["name"] == args.cell)
        train_cell(entry, args)
        return
    try:
        image_pack.load(args.prepared / "images")
    except image_pack.PackError as error:
        exit_with_error(str(error))
    finished = {path.parent.name for path in args.results.glob(f"*/{RESULT}")}
    failed = train_all([e for e in entries if e["name"] not in finished], args)
    if failed:
        exit_with_error(f"these cells failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
