"""Time the steps of a prepared cell by its program of an epoch, with JAX.

    python benchmarks/full_scale/epoch_time.py --csv=epoch.csv \\
        --cell=gdw_uniform_40_gdw_seed0

ms_per_step: the median over --calls of the program, after one to warm up, each
    divided by its steps. Such a step also takes its images from the data set,
    crops and mirrors them; the numbers that say which are sent in each call.
"""

import argparse
import csv
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from full_scale.run import read_cells
from full_scale.training import Training
from jax_programs import at_least, exit_with_error, find_device


def measure(training: Training, calls: int) -> float:
    """Return the median milliseconds per step."""
    import jax

    steps, measured = training.manifest["steps"], []
    batch = {k: x[:steps] for k, x in training.next_batch.items()}
    for _ in range(1 + calls):
        start = time.perf_counter()
        training.train_on(batch)
        jax.block_until_ready(training.state)
        measured.append(1000 * (time.perf_counter() - start) / steps)
    return statistics.median(measured[1:])


def describe(training: Training) -> dict:
    """Return what was timed, and where."""
    import jax

    sizes, entry = training.manifest["sizes"], training.entry
    # A method without a meta set has as many training examples.
    _, batch = sizes[""]
    _, meta_batch = sizes.get("meta_", (0, batch))
    return {
        **{"cell": entry["name"], "method": entry["method"]},
        **{"batch": batch, "meta_batch": meta_batch},
        "params": " ".join(entry["params"]),
        "steps": training.manifest["steps"],
        "compile_s": round(training.compile_s, 1),
        "device": training.device.device_kind,
        "runtime": f"jax {jax.__version__}",
    }


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--prepared", type=Path, default=Path("runs/full_scale/prepared"))
    add("--cell", required=True, help="name of a prepared cell")
    add("--calls", type=at_least(1), default=3, help="measured calls")
    add("--csv", type=Path, help="CSV file to write")
    args = parser.parse_args()
    entries = {entry["name"]: entry for entry in read_cells(args.prepared)}
    if args.cell not in entries:
        exit_with_error(
            f"{args.prepared} has no cell {args.cell!r}; it has "
            f"{', '.join(entries)}"
        )
    training = Training(args.prepared, entries[args.cell], find_device())
    ms = round(measure(training, args.calls), 4)
    row = describe(training) | {"ms_per_step": ms}
    for name, value in row.items():
        print(f"{name}: {value}")
    if args.csv:
        with args.csv.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(row), lineterminator="\n")
            writer.writeheader()
            writer.writerow(row)


if __name__ == "__main__":
    main()
