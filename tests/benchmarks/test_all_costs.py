"""The whole cost table: its methods, how it is updated, and its figures."""

import csv
import itertools
import json

import pytest
import recipes
import step_cost
from cost_tables import PHASES, TABLES
from environment import RESULTS
from recipes import KERAS

from fsr_gdw_tf.methods import METHODS
from fsr_gdw_tf.regularisers import REGULARISERS

FRESH = "fsr REWARD_FEATURES='fresh'"
COLUMNS = "network,batch,meta_batch,method,scope,time_ratio,memory_ratio"
ROWS = f"""{COLUMNS},time_per_step_s
tiny_cnn,100,100,supervised,,1.0,1.0,0.02
tiny_cnn,100,100,gdw,all,2.5,2.0,0.05
tiny_cnn,100,100,gdw_head,head,1.25,1.1,0.025
tiny_cnn,100,100,gdw VirtualStep.ahead=False MetaLoss.every=4,all,1.5,1.5,0.03
tiny_cnn,100,100,fsr,head,1.2,1.1,0.024
resnet32,100,100,supervised,,1.0,1.0,0.4
resnet32,100,100,l2rw,all,3.0,2.5,1.2
resnet32,100,100,{FRESH},head,1.75,1.2,0.7
wrn_28_2,100,100,supervised,,1.0,1.0,1.1
wrn_28_2,100,100,l2rw,all,2.75,,3.0
elsewhere,100,100,supervised,,1.0,1.0,0.1
"""
ACCURACY = """setting,method,seed,last5,best,commit,threads
uniform 40 %,supervised,0,0.50,0.6,abc,2
uniform 40 %,supervised,1,0.54,0.6,abc,2
uniform 40 %,gdw_head,0,0.55,0.6,abc,2
uniform 40 %,fsr,0,0.60,0.6,abc,2
uniform 40 %,crust,0,0.9,0.9,abc,2
flip 40 %,gdw,0,0.9,0.9,abc,2
"""


@pytest.fixture(scope="module")
def configs() -> dict:
    """Return the configuration of each measured method."""
    tables = [table.methods for table in TABLES.values()]
    methods = {*itertools.chain(PHASES, *tables)} - {KERAS}
    return {m: recipes.load(recipes.parse(m)) for m in methods}


def test_every_table_can_be_measured_and_plain_is_its_unit(configs):
    for network, (size, batch, *_, methods) in TABLES.items():
        assert network in step_cost.NETWORKS
        assert methods[:2] == ["supervised", KERAS]
        assert len(methods) == len({*methods})
        assert size >= 32 and batch >= 8
        assert {*methods} - {KERAS} <= {*configs}


def test_the_results_are_those_of_the_tables():
    """Names in the CSV files are those of the next measurement."""
    rows = list(csv.DictReader((RESULTS / "cost.csv").open()))
    for network, table in TABLES.items():
        measured = [r["method"] for r in rows if r["network"] == network]
        assert measured == table.methods
    rows = list(csv.DictReader((RESULTS / "phases.csv").open()))
    assert [row["method"] for row in rows] == PHASES
    for row in csv.DictReader((RESULTS / "gpu.csv").open()):
        recipes.load(recipes.parse(row["method"]))


def test_two_tables_have_all_methods(configs):
    for network in ("tiny_cnn", "resnet32"):
        methods = {*TABLES[network].methods} - {KERAS}
        parts = [configs[method] for method in methods]
        kinds = {type(config.method) for config in parts}
        kinds |= {type(r) for config in parts for r in config.regularisers}
        assert kinds == {*METHODS, *REGULARISERS}


def test_the_scopes_between_are_stages_of_the_network(configs):
    """15 blocks of two convolutions, one before: stages begin at 11 and 21."""
    methods = {*TABLES["resnet32"].methods} - {KERAS}
    between = {recipes.scope(configs[method].method) for method in methods}
    assert between == {"", "all", "head", "conv2d_11", "conv2d_21"}
    step_cost.FLAGS(["benchmark", "--network=resnet32", "--size=32"])
    classifier, _ = step_cost.build("gdw SCOPE='conv2d_11'")
    layer = classifier.features.get_layer
    widths = [layer(f"conv2d_{n}").filters for n in (10, 11, 20, 21)]
    assert widths == [16, 32, 32, 64]


def test_each_recipe_takes_a_step_that_is_measured():
    """Except FSR with clean images, whose cost is that of GDW on the head."""
    methods = {*TABLES["tiny_cnn"].methods} - {KERAS}
    measured = {*map(recipes.step_key, methods)}
    for name in {*recipes.NAMES} - {"fsr_meta"}:
        assert recipes.step_key(name) in measured, name


@pytest.mark.slow
def test_figures_are_drawn_from_the_tables_alone(run_script, tmp_path):
    (tmp_path / "cost.csv").write_text(ROWS)
    (tmp_path / "accuracy.csv").write_text(ACCURACY)
    flags = [
        *("--draw", f"--csv={tmp_path / 'cost.csv'}"),
        f"--figure={tmp_path / 'new' / 'cost.svg'}",
        f"--frontier={tmp_path / 'frontier.svg'}",
    ]
    ended = run_script("all_costs", *flags)
    assert ended.returncode == 2
    message = "--frontier needs --accuracy_csv, of accuracy.py"
    assert message in ended.stderr.splitlines()[-1]
    ended = run_script(
        "all_costs", *flags, f"--accuracy_csv={tmp_path / 'accuracy.csv'}"
    )
    assert ended.returncode == 0, ended.stderr
    assert (tmp_path / "new" / "cost.svg").is_file()
    drawn = (tmp_path / "frontier.svg").read_text()
    names = ("supervised", "gdw_head", "fsr")
    assert all(f"<!-- {name} -->" in drawn for name in names)
    assert "<!-- crust -->" not in drawn and "<!-- gdw -->" not in drawn
    assert (tmp_path / "cost.csv").read_text() == ROWS


@pytest.mark.slow
def test_an_unknown_table_ends_in_one_line(run_script, tmp_path):
    ended = run_script(
        "all_costs", "--tables=resnet33", f"--csv={tmp_path / 'cost.csv'}"
    )
    assert ended.returncode == 2 and "Traceback" not in ended.stderr
    message = ended.stderr.splitlines()[-1]
    assert "no table 'resnet33': did you mean 'resnet32'" in message


@pytest.mark.slow
def test_a_table_takes_the_place_of_its_rows_and_others_stay(
    run_script, tmp_path
):
    """Also: the phases, and the JSON files on how both were measured."""
    path, phases = tmp_path / "cost.csv", tmp_path / "phases.csv"
    path.write_text(ROWS)
    note = {"resnet32": {"cpu": "another"}, "tiny_cnn": {"cpu": "old"}}
    path.with_suffix(".json").write_text(json.dumps(note))
    small = """if True:
        from cost_tables import Table
        sizes = Table(8, 10, 5, 10, 40, 3, ["supervised", "gdw_head"])
        TABLES = {"small_cnn": sizes, "tiny_cnn": sizes, "resnet32": sizes}
        PHASES_OF, PHASES = "tiny_cnn", ["supervised"]"""
    flags = ["--tables=tiny_cnn", f"--csv={path}", f"--phases={phases}"]
    ended = run_script("all_costs", *flags, "--rounds=2", before=small)
    assert ended.returncode == 0, ended.stderr
    assert "\nthreads: " in ended.stdout and "tensorflow" in ended.stdout
    lines = path.read_text().splitlines()
    assert lines[0] == ROWS.splitlines()[0]
    assert lines[1].startswith("tiny_cnn,10,5,supervised,,1.0,")
    assert lines[2].startswith("tiny_cnn,10,5,gdw_head,head,")
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
