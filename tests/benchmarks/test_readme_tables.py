"""The tables of README and docs/ are what the CSV files in results/ say."""

import csv
import importlib
import json
import re
from pathlib import Path

import accuracy_runs
import full_scale.cells
import pytest
from absl import flags
from absl.testing import flagsaver
from environment import RESULTS, ROOT
from recipes import NAMES
from support.forked import run_forked
from support.pages import PAGES

from fsr_gdw_tf import InvalidInput

SCRIPT = ROOT / "benchmarks" / "readme_tables.py"
RUNS = """setting,method,seed,last5,best,commit,threads
uniform 40 %,supervised,0,0.5,0.55,12e4567890,2
uniform 40 %,supervised,1,0.52,0.55,0123456789,2
uniform 40 %,fsr,0,0.518,0.52,abc,2
uniform 40 %,gdw,0,0.568,0.57,abc,2
uniform 40 %,gdw VirtualStep.ahead=False,0,0.5,0.57,abc,2
uniform 40 %,mixup_relabel,0,0.6,0.6,abc,2
uniform 40 %,supervised_clean,0,0.55,0.6,abc,2
flip 40 %,supervised,0,0.427,0.43,abc,2
flip 40 %,gdw,0,0.573,0.58,abc,2
"uniform 40 %, no crops",fsr,0,0.549,0.56,abc,2
"uniform 40 %, no crops",mixup_relabel,0,0.491,0.5,abc,2
"""
PAPERS = """paper,table,network,setting,method,accuracy,std
GDW,2,ResNet-32,uniform 40 %,gdw,88.14,0.35
GDW,3,ResNet-32,flip 40 %,gdw,87.70,0.37
FSR,7,,long tail .1 + uniform 40 %,crust,59.5,
"""
COLUMNS = "network,batch,meta_batch,method,scope,time_ratio,memory_ratio"
COST = f"""{COLUMNS},time_per_step_s
resnet32,100,100,supervised,,1.0,1.0,0.4
resnet32,100,100,gdw,all,3.207,2.5,1.28
resnet32,100,100,gdw_head,head,1.25,,0.5
wrn_28_2,128,32,supervised,,1.0,1.0,0.9
wrn_28_2,128,32,gdw,all,2.9,2.25,2.6
"""
PHASES = """network,method,forward,meta_pass,time_per_step_s
resnet32,supervised,0.3195,0.0,0.25
resnet32,gdw VirtualStep.ahead=False,0.0776,0.294,0.87
"""
# Read from the papers, not from the file: paper, table, network, setting, row.
QUOTED = {
    # GDW, Table 2: CIFAR-10, uniform noise.
    "GDW|2|ResNet-32|uniform 40 %|supervised": ("84.38", "0.32"),
    "GDW|2|ResNet-32|uniform 40 %|mwnet": ("86.46", "0.31"),
    "GDW|2|ResNet-32|uniform 60 %|gdw": ("84.11", "0.21"),
    # GDW, Table 3: flip noise.
    "GDW|3|ResNet-32|flip 40 %|glc": ("89.74", "0.19"),
    "GDW|3|ResNet-32|flip 40 %|gdw": ("87.70", "0.37"),
    # GDW, Table 4: long tails; "Balanced".
    "GDW|4|ResNet-32|long tail .01|class_balanced": ("63.63", "3.60"),
    "GDW|4|ResNet-32|long tail .01|l2rw": ("51.15", "7.13"),
    "GDW|4|ResNet-32|long tail .1|supervised": ("85.93", "0.57"),
    "GDW|4|ResNet-32|long tail .1|mwnet": ("86.17", "0.75"),
    "GDW|4|ResNet-32|long tail .1|gdw": ("86.77", "0.55"),
    # FSR, Table 1: CIFAR-10, uniform noise; FSR-R32 and FSR.
    "FSR|1|ResNet-32|uniform 40 %|fsr_official": ("90.2", "0.7"),
    "FSR|1|WRN-28-10|uniform 40 %|fsr_official": ("93.7", "0.1"),
    "FSR|1||uniform 40 %|crust": ("89.2", "0.2"),
    # Where it prints 0.0, the methods' papers report no deviation.
    "FSR|1||uniform 40 %|rog": ("81.8", ""),
    "FSR|1||uniform 40 %|mentornet_dd": ("89.0", ""),
    # FSR, Table 7: 40 % noise, imbalance 10.
    "FSR|7||long tail .1 + uniform 40 %|crust": ("59.5", ""),
    "FSR|7|ResNet-32|long tail .1 + uniform 40 %|fsr_official": ("81.6", ""),
}


@pytest.fixture(scope="module")
def tables():
    """Return the script as a module."""
    return importlib.import_module("readme_tables")


@pytest.fixture
def folder(tmp_path):
    """Return a folder with small tables of each kind."""
    kinds = {"accuracy": RUNS, "papers": PAPERS}
    kinds |= {"cost": COST, "phases": PHASES}
    for name, text in kinds.items():
        (tmp_path / f"{name}.csv").write_text(text, encoding="utf-8")
    return tmp_path


def block(name: str, inside: str = "") -> str:
    return f"<!-- table: {name} -->\n{inside}<!-- end -->"


def made(tables, folder: Path, name: str) -> tuple[list[str], str]:
    """Return the lines of a table, and the paragraph below as one line."""
    old = block(name, "| old |\n")
    text = tables.rewrite(f"One\n{old}\nTwo\n", folder)
    found = re.fullmatch(
        rf"One\n<!-- table: {name} -->\n(.*)\n\n(.*)\n<!-- end -->\nTwo\n",
        text,
        re.DOTALL,
    )
    assert max(map(len, found[2].splitlines())) <= 80
    return found[1].splitlines(), " ".join(found[2].split())


def test_accuracies_stand_in_groups_with_the_best_in_bold(tables, folder):
    """Seeds .50 and .52: mean 51.0, deviation 2 / sqrt 2 = 1.4 per cent.

    Settings that nothing was measured in have no column.
    """
    lines, note = made(tables, folder, "accuracy")
    assert lines == [
        "| method | clean images | uniform 40 % | flip 40 % |",
        "|---|---|---|---|",
        "| `supervised` | none | 51.0 ± 1.4 | 42.7 |",
        "| `fsr` | none | 51.8 | - |",
        "| `mixup_relabel` (control) | none | **60.0** | - |",
        "| `supervised_clean` (control) | in training | 55.0 | - |",
        "| `gdw` | apart | 56.8 | **57.3** |",
        "| `gdw VirtualStep.ahead=False` | apart | 50.0 | - |",
    ]
    assert note == (
        "Per cent of the 10,000 test images, mean of the last five epochs; "
        "seeds 0 and 1 ± standard deviation (7 of 8 are over fewer, without ± "
        "over one). From `benchmarks/results/accuracy.csv`."
    )


def test_the_other_settings_have_a_table_of_their_own(tables, folder):
    lines, note = made(tables, folder, "accuracy_more")
    assert lines == [
        "| method | clean images | uniform 40 %, no crops |",
        "|---|---|---|",
        "| `fsr` | none | **54.9** |",
        "| `mixup_relabel` (control) | none | 49.1 |",
    ]
    assert "epochs; seed 0. From" in note


def test_the_papers_figures_stand_as_they_are_printed(tables, folder):
    lines, note = made(tables, folder, "papers")
    assert lines[2:] == [
        "| GDW | ResNet-32 | `gdw` | 88.14 ± 0.35 | - | 87.70 ± 0.37 | - | - |",
        "| FSR |  | `crust` | - | - | - | - | 59.5 |",
    ]
    assert note.startswith(
        "Quoted from the papers' tables (GDW: 2 and 3; FSR: 7): per cent, "
    )


def test_costs_have_a_row_per_scope_and_a_column_per_network(tables, folder):
    """Methods measured on every network, and the others, have a table each."""
    lines, _ = made(tables, folder, "cost")
    assert lines == [
        "| method | scope | `resnet32`, 100 + 100 | `wrn_28_2`, 128 + 32 |",
        "|---|---|---|---|",
        "| `supervised` |  | 1.00 | 1.00 |",
        "| `gdw` | `all` | 3.21 | 2.90 |",
    ]
    lines, _ = made(tables, folder, "cost_more")
    assert lines == [
        "| method | scope | `resnet32`, 100 + 100 |",
        "|---|---|---|",
        "| `gdw_head` | `head` | 1.25 |",
    ]
    (folder / "cost.csv").write_text(COST.replace("2.5,1.28", ",1.28"))
    lines, _ = made(tables, folder, "memory")
    assert lines[3:] == ["| `gdw` | `all` | - | 2.25 |"]
    gpu = COST.replace("3.207", "3.01").replace("memory_ratio", "planned_mib")
    (folder / "gpu.csv").write_text(gpu)
    lines, note = made(tables, folder, "gpu")
    assert lines[3:] == [
        "| `gdw` | `all` | 3.01 | 2.90 |",
        "| `gdw_head` | `head` | 1.25 | - |",
    ]
    assert note.endswith("From `benchmarks/results/gpu.csv`.")


def test_phases_are_in_per_cent_of_a_step(tables, folder):
    lines, note = made(tables, folder, "phases")
    assert lines == [
        "| method | forward | meta pass |",
        "|---|---|---|",
        "| `supervised` | 32 | 0 |",
        "| `gdw VirtualStep.ahead=False` | 8 | 29 |",
    ]
    assert note.startswith("Per cent of the time of a step of `resnet32`; ")


def test_a_readme_without_marks_is_left_alone(tables, tmp_path):
    text = "# Title\n\n| a |\n|---|\n\n<!-- end -->\n"
    assert tables.rewrite(text, tmp_path) == text


def test_each_block_is_replaced_and_a_second_time_changes_nothing(
    tables, folder
):
    text = f"{block('cost')}\n\nBetween.\n\n{block('memory')}\n"
    once = tables.rewrite(text, folder)
    assert "3.21" in once and "2.50" in once and "\nBetween.\n" in once
    assert tables.rewrite(once, folder) == once


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (block("acuracy"), "no table 'acuracy': did you mean 'accuracy'"),
        (
            "<!-- table: cost -->\n" + block("memory"),
            "no <!-- end --> of its own",
        ),
        ("<!-- table: cost -->\n", "no <!-- end --> of its own"),
    ],
)
def test_marks_that_cannot_be_understood_are_errors(
    tables, folder, text, message
):
    with pytest.raises(InvalidInput, match=message):
        tables.rewrite(text, folder)


def test_a_table_that_cannot_be_made_is_an_error(tables, folder):
    def refused(name: str, message: str):
        with pytest.raises(InvalidInput, match=message):
            tables.rewrite(block(name), folder)

    (folder / "papers.csv").unlink()
    refused("papers", "papers.csv does not exist")
    (folder / "cost.csv").write_text("network,batch\nresnet32,100\n")
    refused("cost", "cost.csv has no column meta_batch, method, scope, time")
    (folder / "cost.csv").write_text(COST + COST.splitlines()[2] + "\n")
    refused("cost", "cost.csv has gdw twice for `resnet32`")
    (folder / "accuracy.csv").write_text("\n".join(RUNS.splitlines()[:-2]))
    refused("accuracy_more", "accuracy.csv has no row of uniform 40 %, 90")
    (folder / "accuracy.csv").write_text(RUNS.replace(",0.5,0.55", ",?,0.55"))
    refused("accuracy", "accuracy.csv has no number: .*'?'")
    (folder / "accuracy.csv").write_text(RUNS.replace("fsr", "frs"))
    refused("accuracy", "no method 'frs'")
    note = {"tested on": "held-out training images"}
    (folder / "accuracy.json").write_text(json.dumps(note))
    refused("accuracy", "was tested on held-out training images")


def test_a_commit_that_looks_like_a_number_stays_as_it_is(folder):
    rows = accuracy_runs.read_runs(folder / "accuracy.csv")
    assert [r["commit"] for r in rows[:2]] == ["12e4567890", "0123456789"]


def test_means_and_deviations_are_over_seeds(folder):
    """Means of .5 and .52, and of .55 twice."""
    plain, *others = accuracy_runs.summary(
        accuracy_runs.read_runs(folder / "accuracy.csv")
    )
    assert plain == pytest.approx(
        {
            **{"setting": "uniform 40 %", "method": "supervised", "seeds": 2},
            **{"last5": 0.51, "last5_std": 0.0141421, "best": 0.55},
            "best_std": 0.0,
        },
        abs=1e-6,
    )
    assert {r["last5_std"] for r in others} == {0.0}


def test_three_settings_are_for_those_who_ask():
    *default, long, uncropped, normalised = accuracy_runs.SETTINGS
    assert default == accuracy_runs.DEFAULT and len(default) == 5
    assert accuracy_runs.SETTINGS[long] == [
        *("NOISE=0.4", "EPOCHS=90", "FINETUNE_FROM=75")
    ]
    assert accuracy_runs.SETTINGS[uncropped] == [
        "NOISE=0.4",
        "CropFlip.padding=0",
    ]
    assert accuracy_runs.SETTINGS[normalised] == [
        "NOISE=0.4",
        "CropFlip.padding=0",
        "LEARNING_RATE=0.1",
        "tiny_cnn.normalise_dense=True",
    ]


def test_the_quoted_figures_are_those_of_the_papers():
    with (RESULTS / "papers.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    settings = {*accuracy_runs.DEFAULT, *full_scale.cells.SETTINGS}
    assert {row["setting"] for row in rows} == settings
    assert {row["method"] for row in rows} <= {*NAMES}
    keys = ("paper", "table", "network", "setting", "method")
    found = {
        tuple(row[k] for k in keys): (row["accuracy"], row["std"])
        for row in rows
    }
    assert len(found) == len(rows)
    for key, figure in QUOTED.items():
        assert found[tuple(key.split("|"))] == figure, key


def test_every_page_is_up_to_date(tables):
    """If not, run `make tables`."""
    marked = 0
    for path in PAGES:
        text = path.read_text(encoding="utf-8")
        marked += text.count("<!-- table:")
        assert tables.rewrite(text, RESULTS) == text, path.name
    assert marked > 30


def test_the_script_checks_rewrites_and_then_agrees(tables, tmp_path, capsys):
    readme = tmp_path / "README.md"
    readme.write_text(f"# Title\n\n{block('papers')}\n", encoding="utf-8")
    if not flags.FLAGS.is_parsed():
        flags.FLAGS(["readme_tables"])

    def code(check: bool) -> int:
        with flagsaver.flagsaver(page=[str(readme)], check=check):
            try:
                tables.main([])
            except SystemExit as end:
                return end.code
        return 0

    assert code(check=True) == 1
    assert "is not up to date: make tables" in capsys.readouterr().err
    assert "88.14" not in readme.read_text(encoding="utf-8")
    assert code(check=False) == 0
    text = readme.read_text(encoding="utf-8")
    assert text.startswith("# Title\n\n<!-- table: papers -->\n| paper |")
    assert "88.14 ± 0.35" in text
    assert code(check=True) == 0


def test_bad_input_to_the_script_is_one_line_and_code_2(tmp_path):
    readme = tmp_path / "README.md"
    readme.write_text(block("paper"))
    ended = run_forked([SCRIPT, f"--page={readme}"])
    assert ended.returncode == 2
    assert ended.stderr.splitlines()[-1].startswith("error: no table 'paper'")
