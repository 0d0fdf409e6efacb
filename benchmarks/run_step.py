"""Run and time the steps that `export_step.py` wrote, with JAX alone.

    python run_step.py steps/supervised steps/gdw steps/gdw_head --csv=cost.csv

This file, jax_programs.py, those folders and JAX are all it needs; it runs on
the accelerator that JAX finds. The new values that a step returns are the next
step's arguments; the batch stays the same.

ms_per_step: programs take turns of --steps steps each; medians over --rounds
    turns, after a warm-up. time_ratio: to the first program.
planned_mib: the compiler's plan for arguments, results and temporaries.
    peak_mib: the peak that the device reports, if it does, including what the
    compiler tried out; only for a program that is alone in its call.
loss: the mean over all steps since the export, as a check; empty if arrays were
    drawn (--draw_over of export_step.py).
"""

import argparse
import csv
import json
import statistics
import time
from pathlib import Path

import numpy as np
from jax_programs import (
    at_least,
    compiled,
    execute,
    exit_with_error,
    find_device,
)

SIZES = ["network", "size", "batch", "meta_batch", "reward_batch"]
MANIFEST = [*SIZES, "method", "scope"]
SHOWN = ["method", "scope", "time_ratio", "ms_per_step", "planned_mib"]
SHOWN += ["peak_mib", "compile_s", "loss"]
COLUMNS = [*MANIFEST, *SHOWN[2:], "timed_steps", "device", "runtime"]
FILES = ("program.hlo", "values.npz", "manifest.json")
MIB = 2**20


class Program:
    """A compiled step and the arguments of its next run."""

    def __init__(self, folder: Path, device):
        import jax

        self.name, self.outputs = folder.name, []
        self.manifest = json.loads((folder / "manifest.json").read_text())
        with np.load(folder / "values.npz") as values:
            self.arguments = [
                jax.device_put(
                    values[str(i)] if str(i) in values else draw(info, i),
                    device,
                )
                for i, info in enumerate(self.manifest["arguments"])
            ]
        start = time.perf_counter()
        self.executable = compiled(
            (folder / "program.hlo").read_bytes(), device
        )
        self.compile_s = time.perf_counter() - start

    @property
    def drawn(self) -> bool:
        """Return whether some initial values are drawn instead of exported."""
        return any("drawn" in info for info in self.manifest["arguments"])

    @property
    def results(self) -> list[dict]:
        """The manifest's descriptions of the outputs."""
        return self.manifest["outputs"]

    def step(self) -> None:
        """Start one step, without waiting for it."""
        self.outputs = execute(self.executable, self.arguments)
        # The old values are invalid: the new ones share their memory.
        for result, value in zip(self.results, self.outputs, strict=True):
            if "updates" in result:
                self.arguments[result["updates"]] = value

    def steps(self, count: int) -> float:
        """Run some steps; return the milliseconds per step."""
        start = time.perf_counter()
        for _ in range(count):
            self.step()
        for value in self.outputs:
            value.block_until_ready()
        return 1000 * (time.perf_counter() - start) / count

    @property
    def planned(self) -> int:
        """The memory that the compiler planned, in bytes."""
        plan = self.executable.get_compiled_memory_stats()
        outputs = plan.output_size_in_bytes - plan.alias_size_in_bytes
        return plan.argument_size_in_bytes + outputs + plan.temp_size_in_bytes

    def result(self, name: str) -> float:
        """Return a metric after the last step."""
        names = [result["name"] for result in self.results]
        return float(self.outputs[names.index(name)])

    def save(self, path: Path) -> None:
        """Write the arguments of the next step, as in values.npz."""
        path.parent.mkdir(parents=True, exist_ok=True)
        values = {str(i): np.array(v) for i, v in enumerate(self.arguments)}
        np.savez(path, **values)


def draw(info: dict, seed: int) -> np.ndarray:
    """Draw an argument that was too large to export, from a normal law."""
    rng = np.random.default_rng(seed)
    mean, deviation = info["drawn"]
    drawn = mean + deviation * rng.standard_normal(info["shape"])
    dtype = np.dtype(info["dtype"])
    if dtype.kind in "iu":
        low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
        # The next lower float: 2**63 - 1 is not a float.
        drawn = drawn.round().clip(low, np.nextafter(high, 0))
    return drawn.astype(dtype)


def measure(programs: list[Program], args) -> list[float]:
    """Return the median milliseconds per step of each program."""
    times = [[] for _ in programs]
    for program in programs:
        if args.warmup:
            program.steps(args.warmup)
    for _ in range(args.rounds):
        for program, measured in zip(programs, times, strict=True):
            measured.append(program.steps(args.steps))
    return [statistics.median(measured) for measured in times]


def table(programs: list[Program], times: list[float], device, args):
    """Return a row for each program."""
    import jax

    stats = device.memory_stats() if len(programs) == 1 else None
    peak = (stats or {}).get("peak_bytes_in_use")
    rows = []
    for program, ms in zip(programs, times, strict=True):
        loss = "" if program.drawn else round(program.result("loss"), 5)
        row = [program.manifest[name] for name in MANIFEST]
        row += [round(ms / times[0], 3), round(ms, 4)]
        row += [round(program.planned / MIB, 2)]
        row += ["" if peak is None else round(peak / MIB, 2)]
        row += [round(program.compile_s, 1), loss, args.rounds * args.steps]
        row += [device.device_kind, f"jax {jax.__version__}"]
        rows.append(dict(zip(COLUMNS, row, strict=True)))
    return rows


def show(rows: list[dict]) -> None:
    """Print rows with aligned columns."""
    lines = [SHOWN, *([str(row[c]) or "-" for c in SHOWN] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = zip(line, widths, strict=True)
        print("  ".join(cell.ljust(width) for cell, width in cells).rstrip())


def parse_flags() -> argparse.Namespace:
    """Parse the command line; the folders must hold programs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add(
        "folders",
        nargs="+",
        type=Path,
        help="folders that export_step.py wrote",
    )
    add("--rounds", type=at_least(1), default=10, help="turns of each program")
    add("--steps", type=at_least(1), default=10, help="steps in each turn")
    add("--warmup", type=at_least(0), default=3, help="steps not measured")
    add("--csv", type=Path, help="CSV file to write")
    add("--save", type=Path, help="folder for the values after the last step")
    args = parser.parse_args()
    for folder in args.folders:
        missing = [name for name in FILES if not (folder / name).is_file()]
        if missing:
            exit_with_error(
                f"{folder} holds no step: there is no {missing[0]}; write one "
                "with export_step.py"
            )
    require_same_sizes(args.folders)
    return args


def require_same_sizes(folders: list[Path]) -> None:
    """Reject steps of different sizes: their times do not compare."""
    first = None
    for folder in folders:
        manifest = json.loads((folder / "manifest.json").read_text())
        if missing := [name for name in MANIFEST if name not in manifest]:
            exit_with_error(
                f"{folder}/manifest.json has no {missing[0]}: an older "
                "export_step.py wrote it; export it again"
            )
        sizes = {name: manifest[name] for name in SIZES}
        first = first or sizes
        for name, size in sizes.items():
            if size != first[name]:
                exit_with_error(
                    f"{folders[0]} has {name} {first[name]}, {folder} has "
                    f"{size}: their times do not compare; run them one by one"
                )


def main() -> None:
    """Compile, measure, print and write."""
    args = parse_flags()
    device = find_device()
    programs = [Program(folder, device) for folder in args.folders]
    rows = table(programs, measure(programs, args), device, args)
    show(rows)
    if args.csv:
        with args.csv.open("w", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
    for program in programs if args.save else ():
        program.save(args.save / f"{program.name}.npz")


if __name__ == "__main__":
    main()
