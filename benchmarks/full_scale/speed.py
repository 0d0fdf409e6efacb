"""Time GDW here and in PyTorch on one device, in one call; write one CSV file.

    python benchmarks/full_scale/speed.py steps_100 steps_1000 --device=cuda \\
        --prepared=runs/full_scale/prepared --csv=speed.csv

Needs JAX, PyTorch, NumPy and, for --prepared, Pillow. Each part is a process of
its own, one after the other; one that fails does not stop the others.

steps_100: a folder in which `export_step.py` wrote supervised and gdw, as in
    CONTRIBUTING.md. `run_step.py` times these, `torch_gdw.py` its steps on
    batches of the same sizes; both in turns of --steps.
--prepared: of `prepare.py`. `epoch_time.py` times the first cell of supervised
    and of gdw, by --calls of its program of an epoch.

time_ratio: milliseconds divided by those of `gdw_official` in PyTorch for the
    same batch sizes; empty without them, or if the network is another.
tf32: on a GPU, whether convolutions and matrix products may use TF32. XLA lets
    them where programs do not ask for more precision, as ours do not; so does
    PyTorch here. --notf32 forbids it for both: NVIDIA_TF32_OVERRIDE=0 is for
    cuDNN and cuBLAS, and XLA is told to use no other matrix products (Triton).
"""

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from full_scale.run import read_cells
from jax_programs import at_least, exit_with_error

SCRIPTS = Path(__file__).parents[1]
SIZES, TURNS = ["network", "batch", "meta_batch"], ["rounds", "steps"]
COLUMNS = [*SIZES, "what", "ms_per_step", "time_ratio"]
COLUMNS += ["device", "runtime", "tf32"]
NETWORK, METHODS = "resnet32", ("supervised", "gdw")
OFFICIAL, MANIFEST = "PyTorch: gdw_official", "manifest.json"


class PartError(Exception):
    """The last line that a failed part printed."""


def environment(args: argparse.Namespace) -> dict[str, str]:
    """Return the environment of all parts: the device, and TF32 or not."""
    env = os.environ | {"JAX_PLATFORMS": args.device}
    env["JAX_TRACEBACK_FILTERING"] = "off"  # or notes would end an error
    for name in ("NVIDIA_TF32_OVERRIDE", "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE"):
        env.pop(name, None)
    if not args.tf32:
        flags = f"{env.get('XLA_FLAGS', '')} --xla_gpu_enable_triton_gemm=false"
        env |= {"NVIDIA_TF32_OVERRIDE": "0", "XLA_FLAGS": flags.strip()}
    return env


def rows_of(script: Path, flags: list, args: argparse.Namespace) -> list[dict]:
    """Run a script that writes a CSV file; return its rows."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "rows.csv"
        ended = subprocess.run(
            [sys.executable, script, *map(str, flags), f"--csv={file}"],
            capture_output=True,
            text=True,
            check=False,
            env=environment(args),
        )
        if ended.returncode:
            lines = filter(str.strip, ended.stderr.splitlines())
            raise PartError([f"exit code {ended.returncode}", *lines][-1])
        with file.open(newline="") as opened:
            return list(csv.DictReader(opened))


def torch_rows(sizes: dict, args: argparse.Namespace) -> list[dict]:
    """Return the rows of PyTorch."""
    values = vars(args) | sizes
    names = ["batch", "meta_batch", "device", *TURNS]
    flags = [f"--{name}={values[name]}" for name in names]
    flags.append("--tf32" if args.tf32 else "--notf32")
    return [
        row
        | {"network": NETWORK, "what": f"PyTorch: {row['step']}"}
        | {"ms_per_step": 1000 * float(row["seconds"])}
        | {"runtime": f"torch {row['torch']}"}
        for row in rows_of(SCRIPTS / "torch_gdw.py", flags, args)
    ]


def step_rows(folder: Path, sizes: dict, args) -> list[dict]:
    """Return the rows of exported steps."""
    flags = [folder / method for method in METHODS]
    flags += [f"--{name}={vars(args)[name]}" for name in TURNS]
    return [
        row | sizes | {"what": f"exported step: {row['method']}"}
        for row in rows_of(SCRIPTS / "run_step.py", flags, args)
    ]


def sizes_of(folder: Path) -> dict:
    """Return network and batch sizes of a folder of exported steps."""
    for method in METHODS:
        if not (folder / method / MANIFEST).is_file():
            exit_with_error(f"{folder} has no step {method} of export_step.py")
    manifest = json.loads((folder / METHODS[-1] / MANIFEST).read_text())
    sizes = {name: manifest[name] for name in SIZES}
    if manifest["size"] != 32:
        sizes["network"] += f", {manifest['size']} pixels"
    return sizes


def epoch_rows(cell: str, args: argparse.Namespace) -> list[dict]:
    """Return the row of a cell's program of an epoch."""
    flags = [f"--prepared={args.prepared}", f"--calls={args.calls}"]
    script = SCRIPTS / "full_scale" / "epoch_time.py"
    return [
        row
        | {"network": "set by --params" if row["params"] else NETWORK}
        | {"what": f"epoch program: {row['method']}"}
        for row in rows_of(script, [*flags, f"--cell={cell}"], args)
    ]


def parts(args: argparse.Namespace) -> Iterator[tuple]:
    """Return a name for each part, and what returns its rows."""
    for folder in args.folders:
        sizes = sizes_of(folder)
        name = f"PyTorch at batch {sizes['batch']}"
        yield name, partial(torch_rows, sizes, args)
        yield str(folder), partial(step_rows, folder, sizes, args)
    entries = read_cells(args.prepared) if args.prepared else ()
    for method in METHODS:
        cells = [e["name"] for e in entries if e["method"] == method]
        for cell in cells[:1]:
            yield cell, partial(epoch_rows, cell, args)


def complete(rows: list[dict], official: dict, args) -> list[list]:
    """Return the columns of a part's rows; note times of the official order."""
    tf32 = "" if args.device == "cpu" else ("on" if args.tf32 else "off")
    for row in rows:
        row["sizes"] = tuple(str(row[name]) for name in SIZES)
        row["ms"] = float(row["ms_per_step"])
        if row["what"] == OFFICIAL:
            official[row["sizes"]] = row["ms"]
    for row in rows:
        base = official.get(row["sizes"])
        row["time_ratio"] = round(row["ms"] / base, 3) if base else ""
        row |= {"ms_per_step": round(row["ms"], 4), "tf32": tf32}
    return [[row[name] for name in COLUMNS] for row in rows]


def parse_flags() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("folders", nargs="*", type=Path, help="folders of export_step.py")
    add("--prepared", type=Path, help="folder of prepare.py")
    add("--device", choices=("cpu", "cuda"), default="cpu")
    add("--tf32", action="store_true", default=True, help="allow TF32; default")
    add("--notf32", dest="tf32", action="store_false", help="forbid TF32")
    add("--rounds", type=at_least(1), default=10, help="turns of each step")
    add("--steps", type=at_least(1), default=10, help="steps in each turn")
    add("--calls", type=at_least(1), default=3, help="of programs of an epoch")
    add("--csv", type=Path, required=True, help="CSV file to write")
    return parser.parse_args()


def main() -> None:
    """Run the parts; write rows as they come."""
    args = parse_flags()
    official, failed, todo = {}, [], list(parts(args))
    if not todo:
        exit_with_error("nothing to time: name a folder, or --prepared")
    with args.csv.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for name, part in todo:
            try:
                rows = complete(part(), official, args)
            except PartError as error:
                print(f"{name} failed: {error}", file=sys.stderr, flush=True)
                failed.append(name)
                continue
            writer.writerows(rows)
            file.flush()
            print(*(" ".join(map(str, x)) for x in rows), sep="\n", flush=True)
    if failed:
        exit_with_error(f"these parts failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
