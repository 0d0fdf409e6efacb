"""The whole cost table: what is measured, how it grows, what is drawn of it."""

import csv
import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import step_cost
from specs import KERAS, METHODS, parse

from fsr_gdw_tf import InvalidInput
from fsr_gdw_tf.experiments import gin_config
from fsr_gdw_tf.experiments.experiment import ClassifierConfig

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "benchmarks" / "all_costs.py"
COLUMNS = "network,batch,meta_batch,method,scope,time_ratio,memory_ratio"
ROWS = f"""{COLUMNS},time_per_step_s
tiny_cnn,100,100,supervised,,1.0,1.0,0.02
tiny_cnn,100,100,gdw,all,2.5,2.0,0.05
tiny_cnn,100,100,gdw,head,1.25,1.1,0.025
tiny_cnn,100,100,gdw:now:every4,all,1.5,1.5,0.03
tiny_cnn,100,100,fsr:bank,head,1.2,1.1,0.024
resnet32,100,100,supervised,,1.0,1.0,0.4
resnet32,100,100,l2rw,all,3.0,2.5,1.2
resnet32,100,100,fsr,head,1.75,1.2,0.7
wrn_28_2,100,100,supervised,,1.0,1.0,1.1
wrn_28_2,100,100,l2rw,all,2.75,,3.0
elsewhere,100,100,supervised,,1.0,1.0,0.1
"""
ACCURACY = """setting,method,seed,last5,best,commit,threads
uniform 40 %,supervised,0,0.50,0.6,abc,2
uniform 40 %,supervised,1,0.54,0.6,abc,2
uniform 40 %,gdw_head,0,0.55,0.6,abc,2
uniform 40 %,fsr,0,0.60,0.6,abc,2
uniform 40 %,gelu,0,0.9,0.9,abc,2
flip 40 %,gdw,0,0.9,0.9,abc,2
"""


@pytest.fixture(scope="module")
def figures():
    """The drawing part as a module."""
    return importlib.import_module("cost_figures")


@pytest.fixture
def rows():
    return list(csv.DictReader(ROWS.splitlines()))


def run(*args: str, before: str = ""):
    """The script in a process of its own, with something done before."""
    code = f"""if True:
        import sys, all_costs as cost
        {before}
        sys.argv[0] = "all_costs.py"
        cost.app.run(cost.main, flags_parser=cost.parse_flags)"""
    return subprocess.run(
        [sys.executable, "-c", code, *args],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(SCRIPT.parent)},
        cwd=ROOT,
        check=False,
    )


@pytest.fixture(scope="module")
def plan() -> dict:
    """What the script would measure: its flags clash with other scripts'."""
    code = (
        "import all_costs as c, json; print(json.dumps([c.TABLES, c.PHASES]))"
    )
    said = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(SCRIPT.parent)},
        check=True,
    )
    tables, phases = json.loads(said.stdout.splitlines()[-1])
    return {"tables": tables, "phases": phases}


def test_every_table_can_be_measured_and_plain_is_its_unit(plan):
    for network, (size, batch, *_, specs) in plan["tables"].items():
        assert network in step_cost.NETWORKS
        assert specs[:2] == ["supervised", KERAS]
        assert len(specs) == len({*specs}) == len([*map(parse, specs)])
        assert size >= 32 and batch >= 8
    assert all(map(parse, plan["phases"]))


def test_two_tables_have_all_methods(plan):
    for network in ("tiny_cnn", "resnet32"):
        specs = plan["tables"][network][-1]
        assert {parse(spec).name for spec in specs} == {KERAS, *METHODS}


def test_the_scopes_between_are_stages_of_the_network(plan):
    """15 blocks of two convolutions, one before: stages begin at 11 and 21."""
    specs = map(parse, plan["tables"]["resnet32"][-1])
    between = {told.scope for told in specs} - {"", "head"}
    assert between == {"conv2d_11", "conv2d_21"}
    step_cost.FLAGS(["benchmark", "--network=resnet32", "--size=32"])
    layer = step_cost.build("gdw:conv2d_11").features.get_layer
    widths = [layer(f"conv2d_{n}").filters for n in (10, 11, 20, 21)]
    assert widths == [16, 32, 32, 64]


def test_a_recipe_takes_the_step_that_is_measured_for_it(figures, plan):
    """All but settings that change no cost: the same parts, the same scope."""
    step_cost.FLAGS(["benchmark", "--network=tiny_cnn"])
    measured = {frozenset(s.split(":")) for s in plan["tables"]["tiny_cnn"][-1]}
    recipes = {path.stem for path in ROOT.glob("gin/methods/*.gin")}
    assert {*figures.RECIPES} <= recipes
    known = [
        name
        for name in sorted(recipes)
        if frozenset(figures.step_of(name).split(":")) in measured
    ]
    assert {"fsr", "gdw", "gdw_dictionary", "elr", *figures.RECIPES} <= {*known}
    for name in known:
        files = ["gin/cifar10_small.gin", f"gin/methods/{name}.gin"]
        gin_config.parse(files, ["FORGET_RATE=0.2"])
        classifier = gin_config.instantiate(ClassifierConfig)
        told = step_cost.method_of(parse(figures.step_of(name)))
        recipe = classifier.method, classifier.regularisers
        assert parts_of(*recipe) == parts_of(*told), name
    gin_config.gin.clear_config()


def parts_of(method, regularisers) -> tuple:
    """What a step's cost depends on."""
    dictionary = method.dictionary
    return (
        type(method),
        [type(part) for part in regularisers],
        *(getattr(method, k, None) for k in ("scope", "ahead", "meta_every")),
        getattr(method, "meta_statistics", None),
        dictionary and dictionary.bank,
    )


def test_names_say_a_scope_that_is_not_the_methods_own(figures, rows):
    names = [figures.name_of(row) for row in rows]
    assert names[:5] == [
        *("supervised", "gdw", "gdw:head", "gdw:now:every4", "fsr:bank"),
    ]


def test_points_are_of_methods_that_both_tables_know(figures, rows):
    accuracies = {"gdw": 0.6, "gdw_head": 0.5, "gdw_clean": 0.7, "fsr": 0.4}
    accuracies |= {"gdw:every4:now": 0.3, "fsr_raw": 0.9, "l2rw": 0.9}
    accuracies["gce"] = 0.2
    quick = dict.fromkeys(rows[0], "") | {"network": "tiny_cnn"}
    rows.append(quick | {"method": "gce", "time_ratio": "0.97"})
    assert figures.points(rows, accuracies, "tiny_cnn") == {
        "gdw": (2.5, 0.6),
        "gdw_head": (1.25, 0.5),
        "gdw_clean": (2.5, 0.7),
        "fsr": (1.2, 0.4),
        "gdw:every4:now": (1.5, 0.3),
        "gce": (1.0, 0.2),
    }


def test_the_frontier_is_what_nothing_cheaper_beats(figures):
    known = {"a": (1, 0.5), "b": (1, 0.4), "c": (2, 0.5), "d": (2, 0.6)}
    known |= {"e": (3, 0.55), "f": (4, 0.61)}
    assert figures.best(known) == ["a", "d", "f"]


def test_labels_move_up_where_they_would_hide_another(figures):
    """The long name of one reaches over its neighbours; short ones do not."""
    known = {"l2rw:head": (1, 0.5), "b": (1.05, 0.5), "c": (3, 0.5)}
    known |= {"d": (1, 0.505), "e": (0.95, 0.5)}
    placed = figures.spread(known, 0.02)
    where = {name: at[2] for name, at in placed.items()}
    expected = {"l2rw:head": 0.5, "b": 0.52, "c": 0.5, "d": 0.52, "e": 0.5}
    assert where == pytest.approx(expected)


def test_bars_are_as_high_as_the_ratios(figures, rows):
    figure = figures.costs(rows)
    time, memory = (
        [[bar.get_height() for bar in group] for group in axes.containers]
        for axes in figure.axes
    )
    # L2RW, FSR, plain, each on resnet32 and wrn_28_2; what is missing is nan.
    nan = pytest.approx(float("nan"), nan_ok=True)
    assert time == [[3.0, 2.75], [1.75, nan], [1.0, 1.0]]
    assert memory == [[2.5, nan], [1.2, nan], [1.0, 1.0]]
    assert [t.get_text() for t in figure.axes[0].get_xticklabels()] == [
        *("resnet32", "wrn_28_2"),
    ]


def test_the_same_numbers_give_the_same_picture(figures, rows, tmp_path):
    for name in ("one", "two"):
        figures.save(figures.costs(rows), tmp_path / f"{name}.svg")
    one, two = ((tmp_path / f"{n}.svg").read_bytes() for n in ("one", "two"))
    assert one == two and b"<svg" in one


def test_nothing_to_draw_is_told(figures, rows):
    with pytest.raises(InvalidInput, match="no row of supervised on small_cnn"):
        figures.costs(rows[:5])
    with pytest.raises(InvalidInput, match="no method is in both tables"):
        figures.frontier({}, "")


@pytest.mark.slow
def test_figures_are_drawn_from_the_tables_alone(tmp_path):
    (tmp_path / "cost.csv").write_text(ROWS)
    (tmp_path / "accuracy.csv").write_text(ACCURACY)
    flags = [
        *("--draw", f"--csv={tmp_path / 'cost.csv'}"),
        f"--figure={tmp_path / 'new' / 'cost.svg'}",
        f"--frontier={tmp_path / 'frontier.svg'}",
    ]
    ended = run(*flags)
    assert ended.returncode == 2
    told = "--frontier needs --accuracy_csv, of accuracy.py"
    assert told in ended.stderr.splitlines()[-1]
    ended = run(*flags, f"--accuracy_csv={tmp_path / 'accuracy.csv'}")
    assert ended.returncode == 0, ended.stderr
    assert (tmp_path / "new" / "cost.svg").is_file()
    drawn = (tmp_path / "frontier.svg").read_text()
    names = ("supervised", "gdw_head", "fsr")
    assert all(f"<!-- {name} -->" in drawn for name in names)
    assert "<!-- gelu -->" not in drawn and "<!-- gdw -->" not in drawn
    assert (tmp_path / "cost.csv").read_text() == ROWS


@pytest.mark.slow
def test_an_unknown_table_ends_in_one_line(tmp_path):
    ended = run("--tables=resnet33", f"--csv={tmp_path / 'cost.csv'}")
    assert ended.returncode == 2 and "Traceback" not in ended.stderr
    message = ended.stderr.splitlines()[-1]
    assert "no table 'resnet33': did you mean 'resnet32'" in message


@pytest.mark.slow
def test_a_table_takes_the_place_of_its_rows_and_others_stay(tmp_path):
    """Also: the phases, and notes of what both were measured with."""
    path, phases = tmp_path / "cost.csv", tmp_path / "phases.csv"
    path.write_text(ROWS)
    note = {"resnet32": {"cpu": "another"}, "tiny_cnn": {"cpu": "old"}}
    path.with_suffix(".json").write_text(json.dumps(note))
    small = """cost.TABLES = {
            "small_cnn": cost.TABLES["small_cnn"],
            "tiny_cnn": cost.Table(8, 10, 5, 10, 40, 3, ["supervised", "gdw"]),
            "resnet32": cost.TABLES["resnet32"],
        }
        cost.PHASES_OF, cost.PHASES = "tiny_cnn", ["supervised"]"""
    flags = ["--tables=tiny_cnn", f"--csv={path}", f"--phases={phases}"]
    ended = run(*flags, "--rounds=2", before=small)
    assert ended.returncode == 0, ended.stderr
    assert "\nthreads: " in ended.stdout and "tensorflow" in ended.stdout
    lines = path.read_text().splitlines()
    assert lines[0] == ROWS.splitlines()[0]
    assert lines[1].startswith("tiny_cnn,10,5,supervised,,1.0,")
    assert lines[2].startswith("tiny_cnn,10,5,gdw,all,")
    assert lines[3:] == ROWS.splitlines()[6:]
    about = json.loads(path.with_suffix(".json").read_text())
    assert about["resnet32"] == {"cpu": "another"}
    command = about["tiny_cnn"]["command"]
    assert command[:2] == ["python", "benchmarks/step_cost.py"]
    assert {"--batch=10", "--rounds=2", "--network=tiny_cnn"} <= {*command}
    assert str(tmp_path) not in " ".join(command)
    assert {"cpu", "threads", "intra_op_threads"} <= {*about["tiny_cnn"]}
    assert {"keras", "tensorflow"} <= {*about["tiny_cnn"]["versions"]}
    assert phases.read_text().splitlines()[1].startswith("tiny_cnn,supervised,")
    assert "benchmarks/phases.py" in phases.with_suffix(".json").read_text()
