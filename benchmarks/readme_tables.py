"""The tables of README.md, written from the CSV files that stand beside this.

    python benchmarks/readme_tables.py            # rewrites README.md in place
    python benchmarks/readme_tables.py --check    # ends with code 1 if it would

What stands between the lines `<!-- table: NAME -->` and `<!-- end -->` is
replaced; NAME is one of TABLES.
"""

import os
import re
import sys
import textwrap
from functools import partial
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from absl import app, flags
from accuracy_runs import (
    DEFAULT,
    MORE,
    ROOT,
    clean_images,
    read,
    summary,
    tested_on,
    texts,
)

from fsr_gdw_tf.command_line import exit_with_error, parse_flags
from fsr_gdw_tf.errors import InvalidInput, suggest_names
from fsr_gdw_tf.io.files import write

CONTROLS = ("mixup_relabel", "supervised_clean")
STEP = "time_per_step_s"

FLAGS = flags.FLAGS
flags.DEFINE_string("readme", str(ROOT / "README.md"), "What to rewrite.")
flags.DEFINE_bool("check", False, "Write nothing; code 1 if it would change.")


def markdown(header: list[str], rows: list[list[str]], note: str) -> str:
    """A table, and a paragraph beneath it."""
    head, *lines = (f"| {' | '.join(line)} |" for line in [header, *rows])
    table = "\n".join([head, "|" + "---|" * len(header), *lines])
    return f"{table}\n\n{textwrap.fill(note, 80, break_on_hyphens=False)}\n"


def listed(items: list) -> str:
    """1, 2 and 3."""
    *most, last = map(str, items)
    return f"{', '.join(most)} and {last}" if most else last


def accuracies(folder: Path, settings: list[str]) -> str:
    """Some settings of accuracy.csv, the best of each in bold."""
    path = folder / "accuracy.csv"
    if tested_on(path) not in (None, "test"):
        raise InvalidInput(f"{path} was tested on {tested_on(path)}")
    rows = [row for row in read(path) if row["setting"] in settings]
    if not rows:
        raise InvalidInput(f"{path} has no row of {listed(settings)}")
    measured = {row["setting"] for row in rows}
    settings = [setting for setting in settings if setting in measured]
    cells = {(r["method"], r["setting"]): r for r in summary(rows)}
    names = sorted({row["method"] for row in rows}, key=rank)
    columns = [column(cells, setting, names) for setting in settings]
    control = dict.fromkeys(CONTROLS, " (control)")
    lines = [
        [f"`{n}`{control.get(n, '')}", clean_images(n), *line]
        for n, *line in zip(names, *columns, strict=True)
    ]
    header = ["method", "clean images", *settings]
    seeds = sorted({row["seed"] for row in rows})
    return markdown(header, lines, seeds_note(seeds, list(cells.values())))


def rank(method: str) -> tuple:
    """Plain, no clean images, controls, clean images; then by name."""
    groups = {"none": 0, "apart": 2, "in training": 2}
    group = 1 if method in CONTROLS else groups[clean_images(method)]
    return method != "supervised", group, method


def column(cells: dict, setting: str, names: list[str]) -> list[str]:
    """The accuracies of a setting, in per cent."""
    found = [cells.get((name, setting)) for name in names]
    percents = [f"{100 * cell['last5']:.1f}" if cell else "-" for cell in found]
    best = max((float(p) for p in percents if p != "-"), default=None)
    column = []
    for cell, percent in zip(found, percents, strict=True):
        text = percent
        if cell and cell["seeds"] > 1:
            text += f" ± {100 * cell['last5_std']:.1f}"
        is_best = cell and float(percent) == best
        column.append(f"**{text}**" if is_best else text)
    return column


def seeds_note(seeds: list[int], cells: list[dict]) -> str:
    """What the numbers of an accuracy table are."""
    some = f"seeds {listed(seeds)}" if seeds[1:] else f"seed {seeds[0]}"
    deviation = " ± standard deviation" if seeds[1:] else ""
    text = "Per cent of the 10,000 test images, mean of the last five epochs; "
    text += f"{some}{deviation}"
    if fewer := sum(cell["seeds"] < len(seeds) for cell in cells):
        text += f" ({fewer} of {len(cells)} are over fewer, without ± over one)"
    return f"{text}. From `benchmarks/results/accuracy.csv`."


def papers(folder: Path) -> str:
    """What the papers report for the default settings."""
    lines, tables = {}, {}
    needed = ("paper", "table", "network", "setting", "method", "accuracy")
    for row in texts(folder / "papers.csv", (*needed, "std")):
        key = row["paper"], row["network"], f"`{row['method']}`"
        text = row["accuracy"] + (f" ± {row['std']}" if row["std"] else "")
        lines.setdefault(key, {})[row["setting"]] = text
        tables.setdefault(row["paper"], {})[row["table"]] = None
    lines = [
        [*key, *(line.get(setting, "-") for setting in DEFAULT)]
        for key, line in lines.items()
    ]
    sources = [f"{p}: {listed(numbers)}" for p, numbers in tables.items()]
    note = (
        f"Quoted from the papers' tables ({'; '.join(sources)}): per cent, at "
        "full scale; no network where a paper names none. The authors' code "
        "draws uniform noise from all classes, so that 40 % leaves 36 % of the "
        "labels wrong. From `benchmarks/results/papers.csv`."
    )
    return markdown(["paper", "network", "method", *DEFAULT], lines, note)


def ratios(
    folder: Path,
    file: str,
    name: str,
    what: str,
    everywhere: bool | None = None,
) -> str:
    """A column of costs: methods down, networks across.

    everywhere: only those that were measured with every network, or (False)
    only the others.
    """
    path = folder / file
    lines, columns = {}, {}
    needed = ("network", "batch", "meta_batch", "method", "scope", name)
    for row in texts(path, needed):
        sizes = f"{row['batch']} + {row['meta_batch']}"
        column = f"`{row['network']}`, {sizes}"
        scope = f"`{row['scope']}`" if row["scope"] else ""
        line = lines.setdefault((f"`{row['method']}`", scope), {})
        if column in line:
            raise InvalidInput(f"{path} has {row['method']} twice for {column}")
        line[column] = f"{float(row[name]):.2f}" if row[name] else "-"
        columns[column] = None
    if everywhere is not None:
        lines = {
            key: line
            for key, line in lines.items()
            if (len(line) == len(columns)) == everywhere
        }
        columns = {
            column: None
            for column in columns
            if any(column in line for line in lines.values())
        }
    rows = [
        [*key, *(line.get(column, "-") for column in columns)]
        for key, line in lines.items()
    ]
    note = (
        f"{what}, `supervised` = 1; behind each network, the images in a batch "
        f"and in a meta batch. From `benchmarks/results/{file}`."
    )
    return markdown(["method", "scope", *columns], rows, note)


def phases(folder: Path) -> str:
    """Where the time of a step goes, in per cent."""
    rows = texts(folder / "phases.csv", ("network", "method"))
    names = [n for n in rows[0] if n not in ("network", "method", STEP)]
    lines = [
        [f"`{row['method']}`", *(f"{100 * float(row[n]):.0f}" for n in names)]
        for row in rows
    ]
    networks = listed([f"`{name}`" for name in {r["network"]: 0 for r in rows}])
    note = (
        f"Per cent of the time of a step of {networks}; what each phase holds "
        "stands in `benchmarks/phases.py`. From "
        "`benchmarks/results/phases.csv`."
    )
    header = ["method", *(name.replace("_", " ") for name in names)]
    return markdown(header, lines, note)


TABLES = {
    "accuracy": partial(accuracies, settings=DEFAULT),
    "accuracy_more": partial(accuracies, settings=MORE),
    "papers": papers,
    "cost": partial(
        ratios,
        file="cost.csv",
        name="time_ratio",
        what="Time of a step",
        everywhere=True,
    ),
    "memory": partial(
        ratios,
        file="cost.csv",
        name="memory_ratio",
        what="Memory at the peak of a step",
        everywhere=True,
    ),
    "cost_more": partial(
        ratios,
        file="cost.csv",
        name="time_ratio",
        what="Time of a step",
        everywhere=False,
    ),
    "phases": phases,
    "gpu": partial(
        ratios, file="gpu.csv", name="time_ratio", what="Time of a step"
    ),
}
BLOCK = re.compile(
    r"^<!-- table: ([^\n]*) -->\n.*?^<!-- end -->$", re.MULTILINE | re.DOTALL
)


def rewrite(text: str, folder: Path) -> str:
    """The text with each of its tables made anew."""

    def made(block: re.Match) -> str:
        name = block[1]
        if name not in TABLES:
            raise InvalidInput(
                f"no table {name!r}: {suggest_names(name, TABLES)}"
            )
        return f"<!-- table: {name} -->\n{TABLES[name](folder)}<!-- end -->"

    begun = len(re.findall(r"^<!-- table:", text, re.MULTILINE))
    text, done = BLOCK.subn(made, text)
    if done < begun:
        raise InvalidInput("a <!-- table: --> has no <!-- end --> of its own")
    return text


def main(argv: list[str]) -> None:
    """Rewrite, or say what would be."""
    path = Path(FLAGS.readme)
    try:
        if not path.is_file():
            raise InvalidInput(f"{path} does not exist; --readme is the file")
        old = path.read_text(encoding="utf-8")
        new = rewrite(old, Path(__file__).parent / "results")
    except InvalidInput as error:
        exit_with_error(error)
    if FLAGS.check and new != old:
        print(f"{path} is not up to date: make tables", file=sys.stderr)
        sys.exit(1)
    if new != old:
        write(path, new)


if __name__ == "__main__":
    app.run(main, flags_parser=parse_flags)
