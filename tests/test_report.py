"""The label report: what it says is so, and what it writes can be used."""

import csv
import dataclasses
import json
import tempfile
import time
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image
from test_main import TINY as THREE_EPOCHS
from test_main import one_line

from fsr_gdw_tf import InvalidInput, arrays
from fsr_gdw_tf.experiments import gin_config
from fsr_gdw_tf.experiments.experiment import Experiment, data_of_run
from fsr_gdw_tf.io.files import read_csv, write_csv
from fsr_gdw_tf.io.run_folder import RunFolder
from fsr_gdw_tf.label_quality import issue_table
from fsr_gdw_tf.label_quality import label_records as file
from fsr_gdw_tf.label_quality.label_issues import (
    LabelIssues,
    find_label_issues,
    ranks_within,
)
from fsr_gdw_tf.label_quality.label_records import LabelRecords
from fsr_gdw_tf.label_quality.reasons import Reasons
from fsr_gdw_tf.label_report import images, review_sheet, summary
from fsr_gdw_tf.label_report.build import build_report
from fsr_gdw_tf.label_report.cleaned_labels import cleaned_labels
from fsr_gdw_tf.report import FLAGS, main

TINY = [
    *THREE_EPOCHS,
    "--gin_file=gin/methods/fsr.gin",
    "--gin_param=EPOCHS=15",
    "--gin_param=TRAIN_EXAMPLES=240",
    "--gin_param=NOISE=0.2",
]


def records(given, probs, true=None, **columns) -> LabelRecords:
    """Made of the mean prediction of each example."""
    given, probs = np.asarray(given), np.asarray(probs, np.float32)
    n = np.arange(len(given))
    top = np.argsort(-probs, axis=1)[:, :5]
    columns = {
        "visits": np.full(len(given), 10.0),
        "probability": probs[n, given],
        "disagreement": (top[:, 0] != given).astype(float),
        **columns,
    }
    return LabelRecords(
        names=[f"images/{i}.jpg" for i in n],
        given=given,
        class_names=[f"class {c}" for c in range(probs.shape[1])],
        columns=columns,
        top=top,
        top_probs=np.take_along_axis(probs, top, axis=1),
        true=None if true is None else np.asarray(true),
        about={"method": "FSR", "regularisers": [], "epochs": 3},
    )


def simulated(n=4000, noise=0.2, classes=5, sizes=None, seed=0, skill=4.0):
    """Predictions of a network that knows most, and not the given labels."""
    rng = np.random.default_rng(seed)
    sizes = np.full(classes, n // classes) if sizes is None else sizes
    true = np.repeat(np.arange(classes), sizes)
    wrong = rng.random(len(true)) < noise
    step = rng.integers(1, classes, len(true))
    given = np.where(wrong, (true + step) % classes, true)
    # A rare class is predicted less: its log prior is part of every logit.
    logits = rng.normal(size=(len(true), classes)) + np.log(sizes / n)
    logits[np.arange(len(true)), true] += skill
    probs = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    return records(given, probs, true)


def verdict_of(score, given, suggested=None) -> LabelIssues:
    """As if somebody had thought so."""
    score, given = np.asarray(score, float), np.asarray(given)
    order = np.argsort(-score, kind="stable")
    suggested = given if suggested is None else np.asarray(suggested)
    rank = ranks_within(given, order)
    return LabelIssues(score, suggested, rank, suggested != given, order)


@pytest.mark.parametrize("noise", [0.05, 0.2, 0.4])
def test_the_score_is_a_probability(noise):
    """Of the labels with a score of about p, a share of about p is wrong."""
    s = simulated(noise=noise)
    score = find_label_issues(s).score
    assert score.mean() == pytest.approx(s.wrong.mean(), abs=0.03)
    for low, high in ((0.0, 0.1), (0.1, 0.5), (0.5, 0.9), (0.9, 1.0)):
        some = (score >= low) & (score <= high)
        assert (
            s.wrong[some].mean() == pytest.approx(score[some].mean(), abs=0.15)
            or some.sum() < 50
        )
    assert summary.quality(s, find_label_issues(s))["auroc"] > 0.95


def test_clean_labels_are_not_accused():
    issues = find_label_issues(simulated(noise=0.0))
    assert issues.score.mean() < 0.01
    assert issues.is_issue.mean() < 0.01


def test_a_class_is_not_suspected_for_being_rare():
    """Noise of 10 % everywhere; the rarest class has 1 % of the largest."""
    sizes = np.array([5000, 1500, 500, 150, 50])
    s = simulated(int(sizes.sum()), noise=0.1, sizes=sizes)
    rare = (s.true == 4) & ~s.wrong
    # The network gives many of its right labels less than one half ...
    assert np.median(s.columns["probability"][rare]) < 0.5
    # ... and still few of them are reported.
    assert find_label_issues(s).is_issue[rare].mean() < 0.1


def test_more_evidence_never_makes_a_label_more_suspicious():
    s = simulated(noise=0.3)
    issues = find_label_issues(s)
    for c in range(5):
        mine = np.flatnonzero(s.given == c)
        rising = mine[np.argsort(s.columns["probability"][mine])]
        assert (np.diff(issues.score[rising]) <= 1e-6).all()
        expected = np.arange(1, len(mine) + 1)
        np.testing.assert_array_equal(np.sort(issues.rank[mine]), expected)
        worst = mine[np.argmin(issues.rank[mine])]
        assert s.columns["probability"][worst] <= np.quantile(
            s.columns["probability"][mine], 0.01
        )


def test_the_suggestion_is_the_best_class_that_was_not_given():
    s = simulated(noise=0.2)
    issues = find_label_issues(s)
    found = issues.is_issue & s.wrong
    assert (issues.suggested[found] == s.true[found]).mean() > 0.9
    np.testing.assert_array_equal(
        issues.suggested[~issues.is_issue], s.given[~issues.is_issue]
    )
    assert (issues.suggested[issues.is_issue] != s.given[issues.is_issue]).all()


@pytest.mark.parametrize("n", [2, 7])
def test_a_handful_of_examples_is_judged_without_complaint(n):
    probs = np.tile([0.7, 0.2, 0.1], (n, 1))
    issues = find_label_issues(records(np.zeros(n, int), probs))
    assert np.isfinite(issues.score).all() and not issues.is_issue.any()


def test_examples_that_were_never_counted_are_not_accused():
    s = simulated(noise=0.2)
    seen = np.arange(len(s)) % 10 > 0
    s.columns["visits"] = np.where(seen, 10.0, 0.0)
    s.columns["probability"] = np.where(seen, s.columns["probability"], 0.0)
    issues = find_label_issues(s)
    assert not issues.is_issue[~seen].any()
    assert issues.score[~seen].max() < 0.3
    only = find_label_issues(s.only(seen))
    np.testing.assert_array_equal(issues.score[seen], only.score)


def test_a_run_that_has_counted_nothing_has_no_verdict():
    s = records([0, 1], np.eye(2), visits=np.zeros(2))
    with pytest.raises(InvalidInput, match="no label has been counted yet"):
        find_label_issues(s)


def test_a_run_that_has_diverged_has_no_verdict():
    s = records([0, 1], np.eye(2), probability=np.array([np.nan, 1.0]))
    with pytest.raises(InvalidInput, match="diverged"):
        find_label_issues(s)


def test_a_class_of_which_nothing_was_learned_is_not_accused():
    """Three examples among thousands, which the network never predicts."""
    s = simulated(noise=0.1, sizes=np.array([1000, 1000, 1000, 1000, 3]))
    rare = np.flatnonzero(s.true == 4)
    s.given[rare] = 4
    s.columns["probability"][rare] = 0.001
    s.top[rare] = np.arange(5)
    s.top_probs[rare] = [0.9, 0.06, 0.02, 0.019, 0.001]
    # Were it not for wrong labels of that class.
    others = np.flatnonzero((s.given == 4) & (s.true != 4))
    s.given[others] = (s.true[others] + 1) % 4
    s.columns["probability"][others] = 0.01
    issues = find_label_issues(s)
    assert not issues.is_issue[rare].any()
    assert issues.score[rare].max() <= 0.5


def test_what_the_network_predicts_is_no_issue():
    """The odds against a label of .6 are 2 to 3; it is the best class."""
    probs = np.tile([0.6, 0.3, 0.1], (50, 1))
    probs[:40] = [0.98, 0.01, 0.01]
    issues = find_label_issues(records(np.zeros(50, int), probs))
    assert not issues.is_issue.any()
    assert issues.score.max() <= 2 / 3 + 1e-6


def test_the_report_says_when_wrong_labels_cannot_be_counted():
    """Where the network agrees with all, and where it has learned half."""
    s = simulated(noise=0.2)
    issues = find_label_issues(s)
    assert not summary.overall(s, issues)["uncountable"]
    calm = verdict_of(np.full(len(s), 0.01), s.given)
    assert summary.overall(s, calm)["uncountable"]
    s.columns["disagreement"] = np.full(len(s), 0.001)
    assert summary.overall(s, issues)["uncountable"]


def test_wilsons_interval():
    """Worked by hand: 8 of 10 at 95 %; z = 1.96."""
    low, high = summary.wilson(8, 10)
    assert (low, high) == pytest.approx((0.4902, 0.9433), abs=1e-4)
    assert summary.wilson(0, 10) == pytest.approx((0.0, 0.2775), abs=1e-4)
    assert summary.wilson(0, 0) == (0.0, 1.0)


def test_quality_is_counted_where_the_truth_is_known():
    s = records([0, 0, 1, 1], np.eye(2)[[0, 1, 1, 0]], [0, 1, 1, 1])
    issues = verdict_of([0.1, 0.9, 0.2, 0.8], s.given, [0, 1, 1, 0])
    found = summary.quality(s, issues)
    assert found == {
        "auroc": 1.0,
        "average_precision": 1.0,
        "precision_at_1": 1.0,
        "precision_of_issues": 0.5,
        "recall_of_issues": 1.0,
        "suggestion_right": 1.0,
    }
    unknown = records([0, 1], np.eye(2))
    assert summary.quality(unknown, verdict_of([0, 0], [0, 1])) == {}


def test_the_class_table_shows_imbalance_and_noise_side_by_side():
    given = [0] * 20 + [1] * 4 + [2] * 1
    s = records(given, np.eye(3)[given], weight=np.arange(25.0))
    score = [0.5] * 20 + [0.25] * 4 + [0.0]
    rows = summary.class_summary(s, verdict_of(score, given), {"class 1": 0.5})
    assert [r["n"] for r in rows] == [20, 4, 1]
    assert [r["part"] for r in rows] == ["head", "medium", "tail"]
    assert [r["effective_n"] for r in rows] == [10, 3, 1]
    assert [r["noise"] for r in rows] == [0.5, 0.25, 0]
    assert [r["mean_weight"] for r in rows] == [9.5, 21.5, 24]
    assert [r["recall"] for r in rows] == [None, 0.5, None]
    # Wilson's interval of 10 in 20 at 95 %.
    assert rows[0]["noise_low"] == pytest.approx(0.2993, abs=1e-4)
    assert rows[0]["noise_high"] == pytest.approx(0.7007, abs=1e-4)


def test_the_noise_matrix_counts_given_and_suggested():
    s = records([0, 0, 1, 2], np.eye(3)[[0, 1, 1, 0]])
    issues = verdict_of([0, 1, 0, 1], s.given, [0, 1, 1, 0])
    matrix = summary.noise_matrix(s, issues)
    assert matrix.tolist() == [[1, 1, 0], [0, 1, 0], [1, 0, 0]]


def test_reasons_are_words_and_numbers():
    s = records(
        [1, 0],
        [[0.97, 0.02, 0.01], [0.9, 0.06, 0.04]],
        visits=np.array([15.0, 15.0]),
        disagreement=np.array([0.93, 0.0]),
        weight=np.array([0.01, 2.0]),
        zero_weight=np.array([0.93, 0.0]),
    )
    why = Reasons(s)
    assert why(0) == (
        "model says class 0 (0.97), the label class 1 (0.02); not its label in "
        "93% of 15 visits; weight 0 in 93% of visits"
    )
    assert why(1) == "model says class 0 (0.90)"


def test_the_list_has_all_examples_the_worst_first(tmp_path):
    s = records([0, 1, 1], np.eye(2)[[0, 0, 1]], [0, 0, 1])
    issues = verdict_of([0.2, 0.75, 0.1], s.given, [0, 0, 1])
    issue_table.write_issues(tmp_path / "label_issues.csv", s, issues)
    rows = read_csv(tmp_path / "label_issues.csv")
    assert [row["index"] for row in rows] == [1, 0, 2]
    first = dict(rows[0])
    assert first.pop("reasons").startswith("model says class 0 (1.00)")
    assert first == {
        "index": 1,
        "name": "images/1.jpg",
        "given": "class 1",
        "suggested": "class 0",
        "score": 0.75,
        "rank_in_class": 1,
        "is_label_issue": "true",
        "label_score": 0.25,
        "given_label": 1,
        "predicted_label": 0,
        "true": "class 0",
    }


def test_precision_is_estimated_from_a_filled_in_sheet(tmp_path):
    """100 examples above .9, 18 of 20 wrong; 900 below .1, 2 of 20 wrong."""
    given = np.zeros(1000, int)
    score = np.where(np.arange(1000) < 100, 0.95, 0.05)
    s = records(given, np.tile([0.5, 0.5], (1000, 1)))
    issues = verdict_of(score, given)
    sheet = tmp_path / "verify_me.csv"
    review_sheet.write_sheet(sheet, s, issues)
    with sheet.open() as opened:
        rows = list(csv.DictReader(opened))
    assert len(rows) == 40 and {row["label_is"] for row in rows} == {""}
    high = [row for row in rows if row["score"] == "0.95"]
    low = [row for row in rows if row["score"] == "0.05"]
    assert len(high) == len(low) == 20
    for some, wrong in ((high, 18), (low, 2)):
        for i, row in enumerate(some):
            row["label_is"] = " Wrong" if i < wrong else "right"
    write_csv(sheet, rows)
    answers = review_sheet.read_sheet(str(sheet), s)
    found = {r["score"]: r for r in review_sheet.estimate(issues, *answers)}
    assert list(found) == ["0 to 0.1", "0.9 to 1", "0.5 or more", "all"]
    top = found["0.9 to 1"]
    assert (top["examples"], top["checked"], top["wrong"]) == (100, 20, 18)
    # Wilson's interval of 18 in 20 at 95 %.
    assert (top["low"], top["high"]) == (0.699, 0.9721)
    everyone = found["all"]
    # .1 of the examples at .9, .9 of them at .1.
    assert everyone["share_wrong"] == pytest.approx(0.18)
    assert everyone["low"] < 0.18 < everyone["high"]
    # Nearly all is known from the lower band: 0.016 to 0.301 for 2 in 20.
    assert everyone["high"] - everyone["low"] < 0.3
    # And of one band alone it is that band's interval.
    assert [found["0.5 or more"][k] for k in ("low", "high")] == pytest.approx(
        [top["low"], top["high"]], abs=1e-3
    )


def test_a_sheet_that_was_begun_is_not_written_over(tmp_path):
    s = records([0, 1], np.eye(2))
    issues, sheet = verdict_of([0.1, 0.9], s.given), tmp_path / "sheet.csv"
    review_sheet.write_sheet(sheet, s, issues)
    empty = sheet.read_text()
    review_sheet.write_sheet(sheet, s, issues)
    assert sheet.read_text() == empty
    with sheet.open() as opened:
        rows = list(csv.DictReader(opened))
    write_csv(sheet, [row | {"label_is": "wrong"} for row in rows])
    begun = sheet.read_text()
    review_sheet.write_sheet(sheet, s, issues)
    assert sheet.read_text() == begun and "wrong" in begun


SHEETS = {
    "other columns": ("path,verdict\na,1\n", "no column given and index"),
    "no answer": ("{head}\n0,images/0.jpg,a,b,0.9,\n", "no answer yet"),
    "another word": ("{head}\n0,images/0.jpg,a,b,0.9,maybe\n", "'maybe'"),
    "another run": ("{head}\n0,cat.jpg,a,b,0.9,wrong\n", "not called"),
    "out of range": ("{head}\n9,images/9.jpg,a,b,0.9,wrong\n", "not called"),
}


@pytest.mark.parametrize("case", SHEETS)
def test_a_sheet_that_is_none_is_refused(case, tmp_path):
    text, message = SHEETS[case]
    sheet = tmp_path / "sheet.csv"
    sheet.write_text(text.format(head=",".join(review_sheet.COLUMNS)))
    s = records([0, 1], np.eye(2))
    with pytest.raises(InvalidInput, match=message):
        review_sheet.read_sheet(str(sheet), s)


def test_a_sheet_that_is_not_there_is_refused():
    with pytest.raises(InvalidInput, match="no such file"):
        review_sheet.read_sheet("nothing.csv", records([0, 1], np.eye(2)))


ACTIONS = {
    "drop": [("images/0.jpg", "class 0"), ("images/2.jpg", "class 1")],
    "relabel": [
        ("images/0.jpg", "class 0"),
        ("images/1.jpg", "class 0"),
        ("images/2.jpg", "class 1"),
    ],
    "weights": [
        ("images/0.jpg", "class 0", 0.8),
        ("images/1.jpg", "class 1", 0.0),
        ("images/2.jpg", "class 1", 0.3),
    ],
}


@pytest.mark.parametrize("action", ACTIONS)
def test_a_cleaned_list_leaves_out_changes_or_weighs(action):
    s = records([0, 1, 1], [[0.9, 0.1], [0.8, 0.2], [0.4, 0.6]])
    issues = verdict_of([0.2, 0.95, 0.7], s.given)
    rows = cleaned_labels(s, issues, action, 0.9).to_pylist()
    assert [tuple(row.values()) for row in rows] == ACTIONS[action]


@pytest.fixture
def report_line(capsys, monkeypatch):
    """Run `python -m fsr_gdw_tf.report` here; (exit code, stdout, stderr)."""

    def run(*args: str):
        FLAGS.unparse_flags()
        for name in ("apply", "threshold", "out", "verified", "images"):
            FLAGS[name].unparse()
        code = 0
        try:
            main(FLAGS(["report", *map(str, args)]))
        except SystemExit as stop:
            code = stop.code
        out = capsys.readouterr()
        return code, out.out, out.err

    return run


@pytest.fixture(scope="module")
def digits_run(tmp_path_factory):
    """A run on 240 digits, truth known."""

    path = tmp_path_factory.mktemp("runs") / "tiny"
    params = [flag.removeprefix("--gin_param=") for flag in TINY]
    params = [p for p in params if not p.startswith("--")]
    gin_config.parse(["gin/digits.gin", "gin/methods/fsr.gin"], params)
    gin_config.instantiate(Experiment).train(RunFolder(path))
    gin_config.gin.clear_config()
    return path


def test_every_training_run_ends_with_a_report(digits_run):
    report = digits_run / "report"
    assert sorted(p.name for p in report.iterdir()) == [
        "class_summary.csv",
        "index.html",
        "label_issues.csv",
        "noise_matrix.csv",
        "report.json",
    ]
    rows = read_csv(report / "label_issues.csv")
    assert sorted(row["index"] for row in rows) == list(range(240))
    assert sum(r["n"] for r in read_csv(report / "class_summary.csv")) == 240
    numbers = json.loads((report / "report.json").read_text())
    assert 0.5 < numbers["auroc"] <= 1 and numbers["examples"] == 240
    page = (report / "index.html").read_text(encoding="utf-8")
    assert "FSR + MixUp + Relabel" in page


def test_a_report_can_be_made_again_from_the_folder_alone(
    digits_run, report_line
):
    page = digits_run / "report" / "index.html"
    before = page.read_text(encoding="utf-8")
    page.unlink()
    code, out, err = report_line(digits_run)
    assert code == 0, err
    assert str(page) in out
    assert page.read_text(encoding="utf-8") == before


def test_mode_report_of_the_main_command(digits_run, command_line):
    flags = [*TINY, "--mode=report"]
    code, out, err = command_line(*flags, f"--run_dir={digits_run}")
    assert code == 0 and "index.html" in out, err


@pytest.mark.parametrize("action", ACTIONS)
def test_the_next_run_trains_on_the_cleaned_list(
    action, digits_run, report_line, command_line, tmp_path
):
    out = tmp_path / "cleaned.csv"
    code, said, err = report_line(
        digits_run, f"--apply={action}", "--threshold=0.8", f"--out={out}"
    )
    assert code == 0 and f'CLEANED="{out}"' in said, err
    flags = [*TINY, "--mode=train"]
    code, _, err = command_line(
        *flags, f"--run_dir={tmp_path}/again", f"--gin_param=CLEANED='{out}'"
    )
    assert code == 0, err
    rows = read_csv(out)
    again = file.read_records(tmp_path / "again" / file.FILE_NAME)
    assert list(map(str, again.names)) == [str(row["path"]) for row in rows]
    assert again.given.tolist() == [row["label"] for row in rows]


def test_given_weights_weigh_the_loss(double):
    """Weights 2 and 0 of a batch of two: the gradient of the first, doubled."""
    import tensorflow as tf
    from conftest import classifier

    x = np.eye(2, 4)
    built = classifier(compiled={})
    source = arrays(x, np.array([0, 2])).weigh(np.array([2.0, 0.0]))
    built.compile(keras.optimizers.SGD(1.0))
    before = built.head.bias.numpy()
    probs = tf.nn.softmax(built(x[:1])).numpy()[0]
    from fsr_gdw_tf import InputPipeline

    built.fit(source, pipeline=InputPipeline(2), epochs=1, verbose=0)
    moved = built.head.bias.numpy() - before
    np.testing.assert_allclose(moved, np.eye(3)[0] - probs, rtol=1e-6)


LISTS = {
    "no file": (None, "no such file"),
    "columns": ("a,b\n1,2\n", "columns a,b"),
    "unknown example": ("path,label\n77,0\n", "'77' the first"),
    "unknown label": ("path,label\n0,cat\n", "labels that the training"),
    "twice": ("path,label\n0,0\n0,1\n", "twice"),
    "weight": ("path,label,weight\n0,0,-1\n", "no number of 0 or more"),
    "weightless": ("path,label,weight\n0,0,0\n1,1,1\n", "those of '0'"),
}


@pytest.mark.parametrize("case", LISTS)
def test_a_cleaned_list_that_does_not_fit_is_refused(case, tmp_path):
    from fsr_gdw_tf.data.label_overrides import apply_overrides

    text, message = LISTS[case]
    name = tmp_path / "list.csv"
    if text:
        name.write_text(text)
    source = arrays(np.zeros((3, 1)), np.array([0, 1, 1]))
    with pytest.raises(InvalidInput, match=message):
        apply_overrides(source, str(name))


def test_a_list_that_does_not_fit_ends_the_command_before_training(
    tmp_path, command_line
):
    name, run = tmp_path / "list.csv", tmp_path / "run"
    name.write_text("path,label\ncat.jpg,0\n")
    flags = [*TINY, "--mode=train", f"--run_dir={run}"]
    code, _, err = command_line(*flags, f"--gin_param=CLEANED='{name}'")
    assert code == 2 and one_line(err) and "'cat.jpg' the first" in err
    assert not (run / "metrics.csv").exists()


def test_a_file_that_is_listed_twice_keeps_both_labels():
    """The second of two doubles is dropped, and nothing else."""
    from fsr_gdw_tf.data.label_overrides import apply_overrides
    from fsr_gdw_tf.data.source import ArrayReader, Source

    names = ["a", "b", "a", "c"]
    reader = ArrayReader(np.zeros((4, 1)), names)
    source = Source(reader, np.array([0, 1, 1, 0]), ["0", "1"])
    s = dataclasses.replace(
        records([0, 1, 1, 0], np.eye(2)[[0, 1, 0, 0]]),
        names=names,
        class_names=["0", "1"],
    )
    issues = verdict_of([0, 0, 0.95, 0], s.given)
    table = cleaned_labels(s, issues, "drop", 0.9)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "list.csv")
        issue_table.write_table(path, table)
        kept = apply_overrides(source, str(path))
    assert kept.rows.tolist() == [0, 1, 3]
    assert kept.labels.tolist() == [0, 1, 0]


def test_a_cleaned_list_does_not_lose_a_class():
    s = records([0, 1, 1], [[0.9, 0.1], [0.8, 0.2], [0.7, 0.3]])
    issues = verdict_of([0.2, 0.95, 0.92], s.given)
    for action in ACTIONS:
        with pytest.raises(InvalidInput, match="such as 'class 1'; raise it"):
            cleaned_labels(s, issues, action, 0.9)


def test_mixed_examples_bring_each_its_own_weight():
    """CE(mixed label) x weight = share w_i CE(y_i) + rest w_j CE(y_j)."""
    import tensorflow as tf

    from fsr_gdw_tf.regularisers.mixup import weigh

    label, share = tf.eye(3)[:2], tf.constant([0.75, 0.6])
    weight, partner = tf.constant([1.0, 0.0]), tf.constant([1, 0])
    found = weigh(label, weight, partner, share)
    np.testing.assert_allclose(found["weight"], [0.75, 0.4], rtol=1e-6)
    # Nothing of a label of weight 0 is left in either of them.
    np.testing.assert_allclose(found["label"], [[1, 0, 0], [1, 0, 0]])


@pytest.mark.parametrize("name", ["fsr", "fsr_raw", "gdw", "supervised"])
def test_a_label_of_weight_zero_teaches_nothing(name, double):
    """The same step whatever that label is, with every way to weigh."""
    from conftest import classifier, weights
    from test_methods import CASES

    from fsr_gdw_tf import InputPipeline

    ends = []
    for label in (1, 2):
        keras.utils.set_random_seed(0)
        built = classifier(**CASES[name](), track_labels=False)
        built.method.warmup = 9
        y = np.array([label, *(np.arange(11) % 3)])
        x = np.random.default_rng(0).normal(size=(12, 4))
        given = np.array([0.0, *np.ones(11)])
        meta = arrays(x[:6] + 1, np.arange(6) % 3)
        uses = {"meta": meta} if built.method.uses_meta else {}
        source = arrays(x, y, ["0", "1", "2"]).weigh(given)
        built.fit(
            source, pipeline=InputPipeline(12), epochs=1, verbose=0, **uses
        )
        ends.append(weights(built))
    for one, other in zip(*ends, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)


def photos(root, n=6):
    """Two folders of tiny images."""
    for c in ("cat", "dog"):
        (root / c).mkdir(parents=True)
        for i in range(n):
            colour = (40 * i, 255 if c == "cat" else 0, 0)
            Image.new("RGB", (20, 16), colour).save(root / c / f"{i}.png")


FOLDER = [
    "--gin_file=gin/folder.gin",
    "--gin_param=InputPipeline.view=@Resize()",
    "--gin_param=Resize.size=8",
    "--gin_param=ClassifierConfig.network=@small_cnn",
    "--gin_param=EPOCHS=1",
    "--gin_param=BATCH_SIZE=2",
    "--gin_param=folder.test_share=0.2",
]


def test_images_that_moved_are_asked_for(
    tmp_path, command_line, report_line, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    photos(tmp_path / "photos")
    code, _, err = command_line(
        *FOLDER,
        "--gin_param=DATA_DIR='photos'",
        "--run_dir=run",
        "--mode=train",
    )
    assert code == 0, err
    page = tmp_path / "run" / "report" / "index.html"
    before = page.read_text(encoding="utf-8")
    assert "data:image/" in before
    (tmp_path / "photos").rename(tmp_path / "elsewhere")
    code, _, err = report_line("run")
    assert code == 2 and one_line(err)
    assert "are not where they were" in err and "--images=" in err
    code, _, err = report_line("run", "--images=elsewhere")
    assert code == 0, err
    assert page.read_text(encoding="utf-8") == before


def test_a_cleaned_list_of_files_is_a_file_list(
    tmp_path, command_line, report_line, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    photos(tmp_path / "photos")
    code, _, err = command_line(
        *FOLDER,
        "--gin_param=DATA_DIR='photos'",
        "--run_dir=run",
        "--mode=train",
    )
    assert code == 0, err
    code, _, err = report_line("run", "--apply=relabel", "--out=new.csv")
    assert code == 0, err
    from fsr_gdw_tf.data.datasets.image_files import file_list

    splits = file_list("new.csv", test_share=0.2)
    assert len(splits.train) + len(splits.test) == 10
    assert splits.train.class_names == ["cat", "dog"]
    code, _, err = report_line(
        "run", "--apply=weights", "--threshold=1", "--out=new.csv"
    )
    assert code == 0, err
    train = file_list("new.csv", test_share=0.2).train
    weight = {row["path"]: row["weight"] for row in read_csv(Path("new.csv"))}
    expected = [weight[train.name(i)] for i in range(len(train))]
    np.testing.assert_allclose(train.weights, expected, rtol=1e-6)


def test_a_sheet_is_read_by_the_command(tmp_path, report_line):
    """Partly filled in, of a run whose truth is not known."""
    s = dataclasses.replace(simulated(400), true=None)
    file.write_records(tmp_path / file.FILE_NAME, s)
    sheet = tmp_path / "sheet.csv"
    review_sheet.write_sheet(sheet, s, find_label_issues(s))
    with sheet.open() as opened:
        rows = list(csv.DictReader(opened))
    worst = max(rows, key=lambda row: float(row["score"]))
    worst["label_is"] = "wrong"
    write_csv(sheet, rows)
    code, out, err = report_line(tmp_path, f"--verified={sheet}")
    assert code == 0, err
    found = read_csv(tmp_path / "report" / "verified.csv")
    assert sum(row["checked"] for row in found[:-2]) == 1
    assert "0.9 to 1" in out
    sheet.write_text("a,b\n1,2\n")
    code, _, err = report_line(tmp_path, f"--verified={sheet}")
    assert code == 2 and one_line(err) and "no column" in err


def test_a_report_that_cannot_be_made_does_not_fail_the_run(
    tmp_path, command_line, monkeypatch
):
    """Nor one that was cut off: the next call of the command makes it."""
    from fsr_gdw_tf.label_report import build as module

    def broken(*args):
        raise RuntimeError("out of ink")

    monkeypatch.setattr(module, "write_page", broken)
    flags = [*THREE_EPOCHS, "--mode=train", f"--run_dir={tmp_path}/run"]
    code, out, err = command_line(*flags)
    assert code == 0 and "no label report" in out, err
    run = tmp_path / "run"
    assert "out of ink" in (run / "report" / "FAILED").read_text()
    assert (run / "DONE").is_file() and not (run / "FAILED").exists()
    monkeypatch.undo()
    code, out, err = command_line(*flags)
    assert code == 0 and "done already" in out, err
    assert (run / "report" / "index.html").is_file()


NO_RUN = {
    "no folder": (lambda run: None, "is no run folder"),
    "other things": (
        lambda run: (run.mkdir(), (run / "a.txt").touch()),
        "is no run folder",
    ),
    "no statistics": (
        lambda run: (run.mkdir(), (run / "config.gin").touch()),
        "has no labels.parquet",
    ),
    "comparison": (
        lambda run: (
            (run / "gdw").mkdir(parents=True),
            (run / "config.gin").touch(),
            (run / "gdw" / "labels.parquet").touch(),
        ),
        "holds a comparison, pass one of its runs, such as",
    ),
    "broken": (
        lambda run: (run.mkdir(), (run / "labels.parquet").write_text("x")),
        "holds no label statistics",
    ),
}


@pytest.mark.parametrize("case", NO_RUN)
def test_a_folder_without_a_run_is_refused(case, tmp_path, report_line):
    make_it, message = NO_RUN[case]
    make_it(tmp_path / "run")
    code, _, err = report_line(tmp_path / "run")
    assert code == 2 and one_line(err) and message in err


def test_the_folder_has_to_be_named(report_line):
    code, _, err = report_line()
    assert code == 2 and one_line(err) and "expected one run folder" in err


def test_data_that_are_others_now_are_not_shown_as_those_of_the_run(tmp_path):
    s = records([0, 1], np.eye(2))
    (tmp_path / "config.gin").write_text("include 'gin/digits.gin'\n")
    with pytest.raises(InvalidInput, match="not those it was trained on"):
        images.of_run(s, lambda: data_of_run(RunFolder(tmp_path)))


def test_clean_images_that_were_added_are_not_doubted(
    tmp_path, command_line, report_line
):
    """They are trained on, but the report and its lists are of the others."""
    run = tmp_path / "run"
    flags = [*THREE_EPOCHS, "--gin_file=gin/methods/gdw_clean.gin"]
    code, _, err = command_line(*flags, f"--run_dir={run}", "--mode=train")
    assert code == 0, err
    found = file.read_records(run / file.FILE_NAME)
    assert len(found) == len(found.names) == len(found.top) == 120
    code, _, err = report_line(run)
    assert code == 0, err
    out = tmp_path / "list.csv"
    code, _, err = report_line(
        run, "--apply=weights", "--threshold=1", f"--out={out}"
    )
    assert code == 0, err
    assert len(read_csv(out)) == 120
    code, _, err = command_line(
        *flags,
        f"--run_dir={tmp_path}/again",
        "--mode=train",
        f"--gin_param=CLEANED='{out}'",
    )
    assert code == 0, err


def test_images_are_bytes_whatever_the_data_are():
    floats = np.linspace(-1, 1, 2 * 4 * 4).reshape(2, 4, 4)
    shown = images.of_source(arrays(floats, np.array([0, 1])))([0, 1])
    assert [i.shape for i in shown] == [(4, 4, 1)] * 2
    assert shown[0].min() == 0 and shown[0].max() == 255
    table = images.of_source(arrays(np.zeros((2, 3)), np.array([0, 1])))
    assert table([0, 1]) == [None, None]


@pytest.mark.slow
def test_a_hundred_thousand_labels_are_reported_in_a_minute(tmp_path):
    rng = np.random.default_rng(0)
    s = simulated(100_000, classes=100)
    file.write_records(tmp_path / file.FILE_NAME, s)
    source = arrays(rng.integers(0, 255, (100_000, 8, 8, 3), np.uint8), s.given)
    start = time.perf_counter()
    page = build_report(RunFolder(tmp_path), source)
    assert time.perf_counter() - start < 60
    assert page.stat().st_size < 10e6
