"""Runs and times steps that `export_step.py` has written, with JAX alone.

    python run_step.py steps/supervised steps/gdw steps/gdw-head --csv=cost.csv

This file, those folders and JAX are all it needs; it takes the accelerator
that JAX finds. What a step gives as new values of its arguments is what the
next one gets; the batch stays the same.

ms_per_step: programs take turns, --steps steps each, which are waited for
    together; medians over --rounds such turns, after a warm-up. time_ratio: to
    the first program.
planned_mib: arguments, results and temporaries as the compiler has laid them
    out. peak_mib: what the device says, if it does, with what the compiler has
    tried out; only of a program that is alone in its call.
loss: the mean over all steps since the step was written, to see that it is one;
    none if arrays were drawn (--draw_over of export_step.py).
"""

import argparse
import csv
import json
import statistics
import sys
import time
from pathlib import Path

import numpy as np

SIZES = ["network", "size", "batch", "meta_batch", "reward_batch"]
TOLD = [*SIZES, "method", "scope"]  # by manifests
SHOWN = ["method", "scope", "time_ratio", "ms_per_step", "planned_mib"]
SHOWN += ["peak_mib", "compile_s", "loss"]
COLUMNS = [*TOLD, *SHOWN[2:], "timed_steps", "device", "runtime"]
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
                    values[str(i)] if str(i) in values else draw(told, i),
                    device,
                )
                for i, told in enumerate(self.manifest["arguments"])
            ]
        start = time.perf_counter()
        self.executable = compiled(folder / "program.hlo", device)
        self.compile_s = time.perf_counter() - start

    @property
    def drawn(self) -> bool:
        """Whether some of its first values are not those that were there."""
        return any("drawn" in told for told in self.manifest["arguments"])

    @property
    def results(self) -> list[dict]:
        """What the outputs are."""
        return self.manifest["outputs"]

    def step(self) -> None:
        """Take one step, without waiting for it."""
        ran = self.executable.execute_sharded(self.arguments)
        parts = ran.disassemble_into_single_device_arrays()
        self.outputs = [part for (part,) in parts]
        # The old values are gone: the new ones lie in the same memory.
        for result, value in zip(self.results, self.outputs, strict=True):
            if "updates" in result:
                self.arguments[result["updates"]] = value

    def steps(self, count: int) -> float:
        """Take so many steps; milliseconds for each."""
        start = time.perf_counter()
        for _ in range(count):
            self.step()
        for value in self.outputs:
            value.block_until_ready()
        return 1000 * (time.perf_counter() - start) / count

    @property
    def planned(self) -> int:
        """Bytes that the compiler has laid out."""
        plan = self.executable.get_compiled_memory_stats()
        own = plan.output_size_in_bytes - plan.alias_size_in_bytes
        return plan.argument_size_in_bytes + own + plan.temp_size_in_bytes

    def result(self, name: str) -> float:
        """A metric after the last step."""
        names = [result["name"] for result in self.results]
        return float(self.outputs[names.index(name)])

    def save(self, path: Path) -> None:
        """Write the arguments of the next step, as in values.npz."""
        path.parent.mkdir(parents=True, exist_ok=True)
        values = {str(i): np.array(v) for i, v in enumerate(self.arguments)}
        np.savez(path, **values)


def draw(told: dict, seed: int) -> np.ndarray:
    """An argument that was too large to be stored: a normal one like it."""
    rng = np.random.default_rng(seed)
    mean, deviation = told["drawn"]
    drawn = mean + deviation * rng.standard_normal(told["shape"])
    dtype = np.dtype(told["dtype"])
    if dtype.kind in "iu":
        low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
        # The next float below: 2**63 - 1 is none.
        drawn = drawn.round().clip(low, np.nextafter(high, 0))
    return drawn.astype(dtype)


def compiled(path: Path, device):
    """The program, compiled for a device."""
    from jax.extend import backend, mlir

    module = mlir.hlo_to_stablehlo(path.read_bytes())
    options = backend.get_compile_options(num_replicas=1, num_partitions=1)
    return device.client.compile_and_load(module, [device], options)


def find_device():
    """The first device; with the 64-bit types that indices have."""
    try:
        import jax
    except ImportError:
        refuse("this needs JAX: pip install jax, or jax[cuda] for a GPU")
    jax.config.update("jax_enable_x64", True)
    return jax.local_devices()[0]


def measure(programs: list[Program], args) -> list[float]:
    """Median milliseconds per step of each program, all in turn."""
    times = [[] for _ in programs]
    for program in programs:
        if args.warmup:
            program.steps(args.warmup)
    for _ in range(args.rounds):
        for program, taken in zip(programs, times, strict=True):
            taken.append(program.steps(args.steps))
    return [statistics.median(taken) for taken in times]


def table(programs: list[Program], times: list[float], device, args):
    """A row for each program."""
    import jax

    told = device.memory_stats() if len(programs) == 1 else None
    peak = (told or {}).get("peak_bytes_in_use")
    rows = []
    for program, ms in zip(programs, times, strict=True):
        loss = "" if program.drawn else round(program.result("loss"), 5)
        row = [program.manifest[name] for name in TOLD]
        row += [round(ms / times[0], 3), round(ms, 4)]
        row += [round(program.planned / MIB, 2)]
        row += ["" if peak is None else round(peak / MIB, 2)]
        row += [round(program.compile_s, 1), loss, args.rounds * args.steps]
        row += [device.device_kind, f"jax {jax.__version__}"]
        rows.append(dict(zip(COLUMNS, row, strict=True)))
    return rows


def show(rows: list[dict]) -> None:
    """Print rows as wide as they have to be."""
    lines = [SHOWN, *([str(row[c]) or "-" for c in SHOWN] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = zip(line, widths, strict=True)
        print("  ".join(cell.ljust(width) for cell, width in cells).rstrip())


def refuse(message: str) -> None:
    """Say what is wrong in one line, and end."""
    print(f"error: {message}", file=sys.stderr)
    sys.exit(2)


def count(least: int):
    """What makes a number of a flag's text, or refuses it."""

    def parse(text: str) -> int:
        if not text.isdecimal() or int(text) < least:
            raise argparse.ArgumentTypeError(f"{least} or more, got {text!r}")
        return int(text)

    return parse


def parse_flags() -> argparse.Namespace:
    """The command line, with folders that hold a program."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("folders", nargs="+", type=Path, help="as export_step.py wrote them")
    add("--rounds", type=count(1), default=10, help="turns of each program")
    add("--steps", type=count(1), default=10, help="steps in each turn")
    add("--warmup", type=count(0), default=3, help="steps not measured")
    add("--csv", type=Path, help="where to write the table")
    add("--save", type=Path, help="folder for the values after the last step")
    args = parser.parse_args()
    for folder in args.folders:
        missing = [name for name in FILES if not (folder / name).is_file()]
        if missing:
            refuse(
                f"{folder} holds no step: there is no {missing[0]}; write one "
                "with export_step.py"
            )
    require_alike(args.folders)
    return args


def require_alike(folders: list[Path]) -> None:
    """Refuse steps whose times do not belong into one table."""
    first = None
    for folder in folders:
        told = json.loads((folder / "manifest.json").read_text())
        if missing := [name for name in TOLD if name not in told]:
            refuse(
                f"{folder} does not say its {missing[0]}: it was written by an "
                "older export_step.py; write it anew"
            )
        sizes = {name: told[name] for name in SIZES}
        first = first or sizes
        for name, size in sizes.items():
            if size != first[name]:
                refuse(
                    f"{folders[0]} has {name} {first[name]}, {folder} has "
                    f"{size}: their times do not compare; take one by one"
                )


def main() -> None:
    """Compile, measure, print, write."""
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
