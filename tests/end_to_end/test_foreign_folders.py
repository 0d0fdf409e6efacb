"""Run folders of others: what is damaged in them is told in one line.

A folder without a single step of training: what the commands read of a run.
"""

import ast
import dataclasses
import json
import pickle

import numpy as np
import pyarrow.parquet as pq
import pytest
from matplotlib.figure import Figure
from PIL import Image
from support.figures import command
from support.label_records import simulated
from support.paths import ROOT
from support.runs import one_line

from fsr_gdw_tf.label_quality import label_records

METRICS = "epoch,val_accuracy,purity,loss_before,loss_after\n1,0.5,0.5,2,1\n"
WEIGHTS = "index,given,true,class,before,after\n0,a,b,a,0.5,0.6\n"


@pytest.fixture
def run(tmp_path):
    """Return a run folder that every command can read."""
    folder = tmp_path / "run"
    folder.mkdir()
    Image.new("RGB", (4, 4)).save(tmp_path / "a.png")
    records = simulated(80, classes=4)
    info = records.training_info | {"folder": str(tmp_path)}
    records = dataclasses.replace(
        records,
        names=["a.png"] * len(records),
        training_info=info,
        columns={**records.columns, "last_weight": np.ones(len(records))},
    )
    label_records.write_records(folder / "labels.parquet", records)
    (folder / "config.gin").write_text("SEED = 0\n")
    (folder / "metrics.csv").write_text(METRICS)
    (folder / "class_weights.csv").write_text(WEIGHTS)
    data = {"name": "a folder", "realised_noise": 0.2}
    (folder / "run.json").write_text(json.dumps({"seed": 0, "data": data}))
    recalls = {f"class {c}": 0.5 for c in range(4)}
    scores = {"accuracy": 0.5, "per_class_accuracy": recalls}
    (folder / "evaluation.json").write_text(json.dumps(scores))
    return folder


def test_the_folder_itself_is_read(run, report_line, capsys):
    code, _, err = report_line(run)
    assert code == 0, err
    code, out, err = command(capsys, run)
    assert code == 0 and "GDW Fig. 4: " in out, err


JUNK = {
    "empty": b"",
    "binary": bytes(range(256)) * 4,
    "pickle": pickle.dumps({"a": 1}),
    "brackets": b"[" * 100_000,
    "list": b"[1, 2]",
    "text": b'"abc"',
    "null bytes": b"a,b\n\x00,\x00\n",
    "wide": b"a,b\n1,2,3\n",
}
READ_BY_REPORT = [
    "labels.parquet",
    "metrics.csv",
    "run.json",
    "evaluation.json",
    "embedding.csv",
]
READ_BY_FIGURES = [
    *("labels.parquet", "metrics.csv", "class_weights.csv", "run.json"),
    "config.gin",
]
# Damage that cannot be told from a smaller file, or is not looked at.
HARMLESS = {
    (name, kind)
    for name in ("metrics.csv", "embedding.csv")
    for kind in ("empty", "pickle", "brackets", "list", "text")
}


@pytest.mark.parametrize("name", READ_BY_REPORT)
def test_junk_in_a_file_ends_the_report_in_one_line(name, run, report_line):
    for kind, junk in JUNK.items():
        (run / name).write_bytes(junk)
        code, _, err = report_line(run)
        if (name, kind) in HARMLESS and code == 0:
            continue
        assert code == 2 and one_line(err) and name in err, (kind, err)


def test_junk_as_decisions_ends_in_one_line_and_is_left_there(run, report_line):
    (run / "report").mkdir()
    (run / "report" / "index.html").touch()
    name = run / "report" / "decisions.csv"
    for kind, junk in JUNK.items():
        name.write_bytes(junk)
        for flag in ("--apply=decisions", "--review"):
            code, _, err = report_line(run, flag, "--no_open")
            assert code == 2 and one_line(err) and "decisions.csv" in err, kind
        assert name.read_bytes() == junk


@pytest.mark.parametrize("name", ["a.json", "a.csv", "a.parquet"])
def test_junk_of_another_program_is_not_imported(name, run, report_line):
    for kind, junk in JUNK.items():
        (run / name).write_bytes(junk)
        code, _, err = report_line(run, f"--import={run / name}")
        assert code == 2 and one_line(err) and name in err, (kind, err)
    assert not (run / "report").exists()


@pytest.mark.parametrize("name", READ_BY_FIGURES)
def test_junk_in_a_file_ends_the_figures_in_one_line(
    name, run, capsys, monkeypatch
):
    # Figures are drawn, in memory; making the PNG files takes seconds.
    monkeypatch.setattr(Figure, "savefig", lambda _, path, **__: path.touch())
    for kind, junk in JUNK.items():
        (run / name).write_bytes(junk)
        code, _, err = command(capsys, run)
        if code == 0 and kind != "binary":  # no figure needs what is missing
            assert not err, kind
            continue
        assert code == 2 and one_line(err) and name in err, (kind, err)


WRONG_JSON = {
    "run.json": ['{"data": []}', '{"data": {"name": 1}, "data": 3}'],
    "evaluation.json": [
        '{"accuracy": "x"}',
        '{"accuracy": null}',
        '{"per_class_accuracy": [1]}',
        '{"per_class_accuracy": {"class 0": {}}}',
    ],
}


@pytest.mark.parametrize("name", WRONG_JSON)
def test_json_of_another_shape_is_told_in_one_line(name, run, report_line):
    for text in WRONG_JSON[name]:
        (run / name).write_text(text)
        code, _, err = report_line(run)
        assert code == 2 and one_line(err) and name in err, text


def with_column(table, name, values):
    i = table.column_names.index(name)
    return table.set_column(i, name, [values])


def with_metadata(**changes):
    def change(table):
        metadata = json.loads(table.schema.metadata[b"fsr_gdw_tf"]) | changes
        text = json.dumps(metadata).encode()
        return table.replace_schema_metadata({b"fsr_gdw_tf": text})

    return change


def info(**changes):
    known = {"method": "FSR", "regularisers": [], "epochs": 3, "folder": "/"}
    return with_metadata(about=known | changes)


WRONG_RECORDS = {
    "class out of range": lambda t: with_column(t, "given", [9] * 80),
    "negative class": lambda t: with_column(t, "class_1", [-1] * 80),
    "class as text": lambda t: with_column(t, "given", ["a"] * 80),
    "truth out of range": lambda t: with_column(t, "true", [4] * 80),
    "no label": lambda t: with_column(t, "given", [None] * 80),
    "no name": lambda t: with_column(t, "name", [None] * 80),
    "text as number": lambda t: with_column(t, "probability", ["a"] * 80),
    "no probability": lambda t: with_column(t, "probability_1", [7.0] * 80),
    "visits": lambda t: with_column(t, "visits", [float("inf")] * 80),
    "missing column": lambda t: t.drop_columns(["disagreement"]),
    "no predictions": lambda t: t.select(["name", "given", "visits"]),
    "no metadata": lambda t: t.replace_schema_metadata({}),
    "metadata of others": lambda t: t.replace_schema_metadata(
        {b"fsr_gdw_tf": b"[]"}
    ),
    "numbers as names": with_metadata(class_names=[1, 2, 3, 4]),
    "number of names": with_metadata(class_names=4),
    "few names": with_metadata(class_names=["a"]),
    "method": info(method=3),
    "epochs": info(epochs="many"),
    "folder": info(folder=["/"]),
    "no example": lambda t: t.slice(0, 0),
}


@pytest.mark.parametrize("case", WRONG_RECORDS)
def test_records_that_no_training_wrote_are_refused(case, run, report_line):
    file = run / "labels.parquet"
    pq.write_table(WRONG_RECORDS[case](pq.read_table(file)), file)
    for flags in ([], ["--apply=drop"]):
        code, _, err = report_line(run, *flags)
        assert code == 2 and one_line(err), err


def test_control_characters_do_not_reach_the_terminal(tmp_path, report_line):
    code, _, err = report_line(tmp_path / "run\x1b]0;owned\x07")
    assert code == 2 and one_line(err)
    assert "\x1b" not in err and "\\x1b]0;owned" in err


@pytest.mark.parametrize("name", ["report", "figures"])
def test_a_link_out_of_the_folder_is_not_written_through(
    name, run, report_line, capsys
):
    elsewhere = run.parent / "elsewhere"
    elsewhere.mkdir()
    (run / name).symlink_to(elsewhere)
    lines = {
        "report": [
            lambda: report_line(run),
            lambda: report_line(run, "--apply=drop"),
        ],
        "figures": [lambda: command(capsys, run)],
    }
    for call in lines[name]:
        code, _, err = call()
        assert code == 2 and one_line(err) and "is a link to" in err
    assert not list(elsewhere.iterdir())


def test_a_figure_replaces_a_link_and_not_what_it_points_to(run, capsys):
    target = run.parent / "precious"
    target.write_text("mine")
    (run / "figures").mkdir()
    (run / "figures" / "gdw_fig4_class_weights.png").symlink_to(target)
    code, out, err = command(capsys, run)
    assert code == 0 and "GDW Fig. 4" in out, err
    assert target.read_text() == "mine"


UNSAFE = {"eval", "exec", "pickle", "marshal", "shelve", "dill", "joblib"}


def test_no_module_reads_a_format_that_can_hold_code():
    """Neither pickles nor Keras files with lambdas, and nothing is eval'ed."""
    for path in (ROOT / "fsr_gdw_tf").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names = {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                names = {(node.module or "").split(".")[0]}
            elif isinstance(node, ast.Call):
                names = {ast.unparse(node.func)}
                flags = {k.arg: ast.unparse(k.value) for k in node.keywords}
                assert flags.get("allow_pickle", "False") == "False", path
                assert flags.get("safe_mode", "True") == "True", path
                if names & {"np.load", "numpy.load"}:
                    assert "allow_pickle" in flags, path
            else:
                continue
            assert not names & UNSAFE, (path, names)
