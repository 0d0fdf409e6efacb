"""The whole cost table: its methods, how it is updated, and its figures."""

import csv
import itertools
import json

import pytest
import recipes
import step_cost
from cost_tables import PHASES, TABLES, merge
from environment import RESULTS
from recipes import KERAS

from fsr_gdw_tf.methods import METHODS
from fsr_gdw_tf.regularisers import REGULARISERS

FRESH = "fsr REWARD_FEATURES='fresh'"
BANK = "fsr_raw REWARD_FEATURES='bank'"
NOW = "gdw VirtualStep.ahead=False"
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


def test_some_methods_take_the_place_of_their_rows_alone():
    """In the order of the table, and beside the unit that was measured."""
    old = [
        {"network": "resnet32", "method": "supervised", "time_ratio": "1.0"},
        {"network": "tiny_cnn", "method": "supervised", "time_ratio": "1.00"},
        {"network": "tiny_cnn", "method": "gdw", "time_ratio": "3.0"},
        {"network": "tiny_cnn", "method": "gce", "time_ratio": "1.1"},
    ]
    new = [
        {"network": "tiny_cnn", "method": "supervised", "time_ratio": 1.0},
        {"network": "tiny_cnn", "method": "gdw_head", "time_ratio": 1.2},
        {"network": "tiny_cnn", "method": "gdw", "time_ratio": 2.5},
    ]
    resnet, unit, gdw, gce = old
    _, head, again = new
    assert merge(old, new, True) == [unit, again, head, gce, resnet]
    assert merge(old, new, False) == [new[0], again, head, resnet]
    assert merge([resnet, gdw], new, True) == [new[0], again, head, resnet]


@pytest.mark.slow
def test_an_unknown_table_or_method_ends_in_one_line(run_script, tmp_path):
    for flag, expected in (
        ("--tables=resnet33", "no table 'resnet33': did you mean 'resnet32'"),
        ("--methods=gwd", "no method 'gwd' in the tables"),
    ):
        path = tmp_path / "cost.csv"
        ended = run_script("all_costs", flag, f"--csv={path}")
        assert ended.returncode == 2 and "Traceback" not in ended.stderr
        assert expected in ended.stderr.splitlines()[-1]


@pytest.fixture(scope="module")
def measured(run_script, tmp_path_factory):
    """Return the folder of a table and of phases that were measured.

    With three rounds, a busy machine measures phases that take no time.
    """
    folder = tmp_path_factory.mktemp("costs")
    path, phases = folder / "cost.csv", folder / "phases.csv"
    path.write_text(ROWS)
    note = {"resnet32": {"cpu": "another"}, "tiny_cnn": {"cpu": "old"}}
    path.with_suffix(".json").write_text(json.dumps(note))
    small = f"""if True:
        from cost_tables import Table
        sizes = Table(16, 40, 20, 10, 400, 9, ["supervised", {BANK!r}])
        TABLES = {{"small_cnn": sizes, "tiny_cnn": sizes, "resnet32": sizes}}
        PHASES_OF, PHASES = "tiny_cnn", ["supervised", "gdw", {NOW!r}]"""
    flags = ["--tables=tiny_cnn", f"--csv={path}", f"--phases={phases}"]
    ended = run_script("all_costs", *flags, "--rounds=15", before=small)
    assert ended.returncode == 0, ended.stderr
    assert "\nthreads: " in ended.stdout and "tensorflow" in ended.stdout
    return folder


@pytest.mark.slow
def test_a_table_takes_the_place_of_its_rows_and_others_stay(measured):
    path = measured / "cost.csv"
    lines = path.read_text().splitlines()
    assert lines[0] == ROWS.splitlines()[0]
    assert lines[1].startswith("tiny_cnn,40,20,supervised,,1.0,")
    assert lines[2].startswith(f"tiny_cnn,40,20,{BANK},head,")
    assert lines[3:] == ROWS.splitlines()[6:]


@pytest.mark.slow
def test_json_files_say_how_tables_were_measured(measured):
    about = json.loads((measured / "cost.json").read_text())
    assert about["resnet32"] == {"cpu": "another"}
    command = about["tiny_cnn"]["command"]
    assert command[:2] == ["python", "benchmarks/step_cost.py"]
    assert {"--batch=40", "--rounds=15", "--network=tiny_cnn"} <= {*command}
    assert str(measured) not in " ".join(command)
    assert {"cpu", "threads", "intra_op_threads"} <= {*about["tiny_cnn"]}
    assert {"keras", "tensorflow"} <= {*about["tiny_cnn"]["versions"]}
    assert "benchmarks/phases.py" in (measured / "phases.json").read_text()


@pytest.mark.slow
def test_one_row_per_method_with_the_first_as_the_unit(measured):
    """The bank holds the features of ten batches, filled before the steps.

    Counting that, a step of 40 images would seem to need 100's memory: 2.5.
    What runs in parallel adds to the peak; 1.75 was seen on a busy machine.
    """
    with (measured / "cost.csv").open() as lines:
        plain, bank, *_ = csv.DictReader(lines)
    assert list(plain) == [*COLUMNS.split(","), "time_per_step_s"]
    assert float(plain["time_ratio"]) == 1.0
    assert float(plain["time_per_step_s"]) > 0 < float(bank["time_per_step_s"])
    if plain["memory_ratio"]:  # TensorFlow has no account without oneDNN
        assert float(plain["memory_ratio"]) == 1.0
        assert 0.9 < float(bank["memory_ratio"]) < 2.0


@pytest.mark.slow
def test_shares_of_phases_add_to_one_and_are_those_of_the_method(measured):
    with (measured / "phases.csv").open() as lines:
        rows = {row.pop("method"): row for row in csv.DictReader(lines)}
    assert list(rows) == ["supervised", "gdw", NOW]
    for row in rows.values():
        assert row.pop("network") == "tiny_cnn"
        assert float(row.pop("time_per_step_s")) > 0
        # Seven shares, each rounded to four digits.
        assert sum(map(float, row.values())) == pytest.approx(1, abs=4e-4)
    plain, gdw, now = rows.values()
    assert float(plain["forward"]) > 0 and float(plain["real_pullback"]) > 0
    for phase in ("virtual_step", "meta_pass", "second_order"):
        assert float(plain[phase]) == 0
        assert float(gdw[phase]) > 0
    assert float(now["virtual_step"]) == 0 and float(now["meta_pass"]) > 0
