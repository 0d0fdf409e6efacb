"""Write the tables of README.md and docs/ from the files they are made from.

    python benchmarks/readme_tables.py            # rewrites the pages in place
    python benchmarks/readme_tables.py --check    # exit code 1 if it would

Figures come from the CSV files in benchmarks/results/, recipes and settings
from the comments in gin/.

What stands between the lines `<!-- table: NAME -->` and `<!-- end -->` is
replaced; NAME is a key of TABLES.
"""

import os
import re
import sys
from functools import partial
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from absl import app, flags
from accuracy_runs import DEFAULT, MORE, read_runs, summary
from environment import RESULTS, ROOT
from full_scale.table import reproduced
from markdown_tables import enumerate_words, markdown
from overview_table import facts_of_each, overview
from panel_table import VERDICT_FILE, against_plain, worst_losses
from recipes import clean_images
from result_tables import optional_float, read_table, tested_on
from settings_tables import data_settings, recipes, settings

from fsr_gdw_tf.command_line import exit_with_error, parse_flags
from fsr_gdw_tf.errors import InvalidInput, suggest_names
from fsr_gdw_tf.io.files import write

CONTROLS = ("mixup_relabel", "supervised_clean")
STEP = "time_per_step_s"

FLAGS = flags.FLAGS
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
flags.DEFINE_multi_string("page", list(map(str, PAGES)), "A file to rewrite.")
flags.DEFINE_bool(
    "check", False, "Write nothing; exit code 1 if the tables would change."
)


def accuracies(folder: Path, settings: list[str]) -> str:
    """Return the table of some settings, the best of each in bold."""
    path = folder / "accuracy.csv"
    if tested_on(path) not in (None, "test"):
        raise InvalidInput(f"{path} was tested on {tested_on(path)}")
    rows = [row for row in read_runs(path) if row["setting"] in settings]
    if not rows:
        raise InvalidInput(f"{path} has no row of {enumerate_words(settings)}")
    measured = {row["setting"] for row in rows}
    settings = [setting for setting in settings if setting in measured]
    means = {(r["method"], r["setting"]): r for r in summary(rows)}
    names = sorted({row["method"] for row in rows}, key=rank)
    columns = [column(means, setting, names) for setting in settings]
    control = dict.fromkeys(CONTROLS, " (control)")
    lines = [
        [f"`{n}`{control.get(n, '')}", clean_images(n), *line]
        for n, *line in zip(names, *columns, strict=True)
    ]
    header = ["method", "clean images", *settings]
    seeds = sorted({row["seed"] for row in rows})
    return markdown(header, lines, seeds_note(seeds, list(means.values())))


def rank(method: str) -> tuple:
    """Return the sort key of a method in the accuracy table.

    Plain training, methods without clean images, controls, those with some.
    """
    groups = {"none": 0, "apart": 2, "in training": 2}
    group = 1 if method in CONTROLS else groups[clean_images(method)]
    return method != "supervised", group, method


def column(means: dict, setting: str, names: list[str]) -> list[str]:
    """Return the accuracies of a setting, in per cent."""
    rows = [means.get((name, setting)) for name in names]
    percents = [f"{100 * row['last5']:.1f}" if row else "-" for row in rows]
    best = max((float(p) for p in percents if p != "-"), default=None)
    cells = []
    for row, percent in zip(rows, percents, strict=True):
        text = percent
        if row and row["seeds"] > 1:
            text += f" ± {100 * row['last5_std']:.1f}"
        is_best = row and float(percent) == best
        cells.append(f"**{text}**" if is_best else text)
    return cells


def seeds_note(seeds: list[int], means: list[dict]) -> str:
    """Return what the numbers of an accuracy table are."""
    which = (
        f"seeds {enumerate_words(seeds)}" if seeds[1:] else f"seed {seeds[0]}"
    )
    deviation = " ± standard deviation" if seeds[1:] else ""
    text = "Per cent of the 10,000 test images, mean of the last five epochs; "
    text += f"{which}{deviation}"
    if fewer := sum(row["seeds"] < len(seeds) for row in means):
        text += f" ({fewer} of {len(means)} are over fewer, without ± over one)"
    return f"{text}. From `benchmarks/results/accuracy.csv`."


def papers(folder: Path) -> str:
    """Return what the papers report for the default settings."""
    lines, tables = {}, {}
    names = ("paper", "table", "network", "setting", "method")
    columns = dict.fromkeys((*names, "accuracy", "std"), str)
    for row in read_table(folder / "papers.csv", columns):
        key = row["paper"], row["network"], f"`{row['method']}`"
        text = row["accuracy"] + (f" ± {row['std']}" if row["std"] else "")
        lines.setdefault(key, {})[row["setting"]] = text
        tables.setdefault(row["paper"], {})[row["table"]] = None
    lines = [
        [*key, *(line.get(setting, "-") for setting in DEFAULT)]
        for key, line in lines.items()
    ]
    sources = [f"{p}: {enumerate_words(list(t))}" for p, t in tables.items()]
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
    """Return a column of costs: methods down, networks across.

    everywhere: True takes the methods that were measured with every network,
        False the others.
    """
    lines, columns = pivot(folder / file, name)
    if everywhere is not None:
        n = len(columns)
        lines = {k: x for k, x in lines.items() if (len(x) == n) == everywhere}
        columns = [c for c in columns if any(c in x for x in lines.values())]
    rows = [
        [*key, *(line.get(column, "-") for column in columns)]
        for key, line in lines.items()
    ]
    note = (
        f"{what}, `supervised` = 1; behind each network, the images in a batch "
        f"and in a meta batch. From `benchmarks/results/{file}`."
    )
    return markdown(["method", "scope", *columns], rows, note)


def pivot(path: Path, name: str) -> tuple[dict, list[str]]:
    """Return {(method, scope): {network: number}}, and the networks."""
    texts = ("network", "batch", "meta_batch", "method", "scope")
    lines, columns = {}, {}
    for row in read_table(
        path, dict.fromkeys(texts, str) | {name: optional_float}
    ):
        sizes = f"{row['batch']} + {row['meta_batch']}"
        column = f"`{row['network']}`, {sizes}"
        scope = f"`{row['scope']}`" if row["scope"] else ""
        line = lines.setdefault((f"`{row['method']}`", scope), {})
        if column in line:
            raise InvalidInput(f"{path} has {row['method']} twice for {column}")
        line[column] = "-" if row[name] is None else f"{row[name]:.2f}"
        columns[column] = None
    return lines, list(columns)


def phases(folder: Path) -> str:
    """Return where the time of a step goes, in per cent."""
    texts = dict.fromkeys(("network", "method"), str)
    rows = read_table(folder / "phases.csv", texts)
    names = [n for n in rows[0] if n not in (*texts, STEP)]
    lines = [
        [f"`{row['method']}`", *(f"{100 * float(row[n]):.0f}" for n in names)]
        for row in rows
    ]
    networks = dict.fromkeys(f"`{row['network']}`" for row in rows)
    note = (
        f"Per cent of the time of a step of {enumerate_words(list(networks))}; "
        "`benchmarks/phases.py` says what each phase holds. From "
        "`benchmarks/results/phases.csv`."
    )
    header = ["method", *(name.replace("_", " ") for name in names)]
    return markdown(header, lines, note)


TIME = {"name": "time_ratio", "what": "Time of a step"}
MEMORY = {"name": "memory_ratio", "what": "Memory at the peak of a step"}
TABLES = {
    "overview": lambda folder: markdown(*overview(folder)),
    "recipes": lambda _: recipes(),
    "settings": lambda _: settings(),
    "data_settings": lambda _: data_settings(),
    **facts_of_each(),
    "accuracy": partial(accuracies, settings=DEFAULT),
    "accuracy_more": partial(accuracies, settings=MORE),
    "panel": lambda folder: markdown(*against_plain(folder)),
    "panel_verdict": lambda folder: markdown(
        *against_plain(folder, VERDICT_FILE)
    ),
    "panel_worst": lambda folder: markdown(*worst_losses(folder)),
    "papers": papers,
    "cost": partial(ratios, file="cost.csv", **TIME, everywhere=True),
    "memory": partial(ratios, file="cost.csv", **MEMORY, everywhere=True),
    "cost_more": partial(ratios, file="cost.csv", **TIME, everywhere=False),
    "full_scale": lambda folder: markdown(*reproduced(folder)),
    "phases": phases,
    "gpu": partial(ratios, file="gpu.csv", **TIME),
}
BLOCK = re.compile(
    r"^<!-- table: ([^\n]*) -->\n.*?^<!-- end -->$", re.MULTILINE | re.DOTALL
)


def rewrite(text: str, folder: Path) -> str:
    """Return the text with each of its tables replaced."""

    def replacement(block: re.Match) -> str:
        name = block[1]
        if name not in TABLES:
            raise InvalidInput(
                f"no table {name!r}: {suggest_names(name, TABLES)}"
            )
        return f"<!-- table: {name} -->\n{TABLES[name](folder)}<!-- end -->"

    n_opened = len(re.findall(r"^<!-- table:", text, re.MULTILINE))
    text, n_closed = BLOCK.subn(replacement, text)
    if n_closed < n_opened:
        raise InvalidInput("a <!-- table: --> has no <!-- end --> of its own")
    return text


def rewrite_page(path: Path) -> tuple[str, str]:
    """Return the text of a page as it is and as it should be."""
    if not path.is_file():
        raise InvalidInput(
            f"{path} does not exist; --page is a file to rewrite"
        )
    text = path.read_text(encoding="utf-8")
    return text, rewrite(text, RESULTS)


def main(argv: list[str]) -> None:
    """Rewrite the tables, or check that they are up to date."""
    try:
        pages = {path: rewrite_page(Path(path)) for path in FLAGS.page}
    except InvalidInput as error:
        exit_with_error(error)
    stale = {path: new for path, (old, new) in pages.items() if new != old}
    if FLAGS.check and stale:
        for path in stale:
            print(f"{path} is not up to date: make tables", file=sys.stderr)
        sys.exit(1)
    for path, text in stale.items():
        write(Path(path), text)


if __name__ == "__main__":
    app.run(main, flags_parser=parse_flags)
