"""The report command, on runs of the command line."""

import csv
import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.label_records import ACTIONS, simulated
from support.runs import TINY as THREE_EPOCHS
from support.runs import one_line

from fsr_gdw_tf.experiments import gin_config
from fsr_gdw_tf.experiments.experiment import Experiment
from fsr_gdw_tf.io.files import read_csv, write_csv
from fsr_gdw_tf.io.run_folder import RunFolder
from fsr_gdw_tf.label_quality import label_records as file
from fsr_gdw_tf.label_quality.label_issues import find_label_issues
from fsr_gdw_tf.label_report import review_sheet

TINY = [
    *THREE_EPOCHS,
    "--gin_file=gin/methods/fsr.gin",
    "--gin_param=EPOCHS=15",
    "--gin_param=TRAIN_EXAMPLES=240",
    "--gin_param=NOISE=0.2",
]


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
    settings = ["EPOCHS=1", f"CLEANED='{out}'"]
    code, _, err = command_line(
        *(*TINY, "--mode=train", f"--run_dir={tmp_path}/again"),
        *(f"--gin_param={setting}" for setting in settings),
    )
    assert code == 0, err
    rows = read_csv(out)
    again = file.read_records(tmp_path / "again" / file.FILE_NAME)
    assert list(map(str, again.names)) == [str(row["path"]) for row in rows]
    assert again.given.tolist() == [row["label"] for row in rows]


def test_a_list_that_does_not_fit_ends_the_command_before_training(
    tmp_path, command_line
):
    name, run = tmp_path / "list.csv", tmp_path / "run"
    name.write_text("path,label\ncat.jpg,0\n")
    flags = [*TINY, "--mode=train", f"--run_dir={run}"]
    code, _, err = command_line(*flags, f"--gin_param=CLEANED='{name}'")
    assert code == 2 and one_line(err) and "the first is 'cat.jpg'" in err
    assert not (run / "metrics.csv").exists()


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
    assert "image files are missing" in err and "--images=" in err
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
    # Those that the run has held out as well.
    assert len(splits.train) + len(splits.test) == 12
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


def test_decisions_are_applied_by_the_command(tmp_path, report_line):
    """One of three: the others as they were, or without the suspected ones."""
    s = dataclasses.replace(simulated(400), true=None)
    issues = find_label_issues(s)
    file.write_records(tmp_path / file.FILE_NAME, s)
    first, suspected = issues.order[0], int((issues.score > 0.9).sum())
    text = f"index,name,given,label,decision\n{first},images/{first}.jpg,"
    text += f"{s.class_names[s.given[first]]},,drop\n"
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "decisions.csv").write_text(text)
    code, out, err = report_line(tmp_path, "--apply=decisions")
    assert code == 0, err
    cleaned = tmp_path / "report" / "cleaned.csv"
    assert f'CLEANED="{cleaned}"' in out and "1 dropped, 399 undecided" in out
    rows = {row["path"]: row["label"] for row in read_csv(cleaned)}
    expected = {
        f"images/{i}.jpg": s.class_names[s.given[i]]
        for i in range(400)
        if i != first
    }
    assert rows == expected
    # One wrong label of one: Wilson's interval begins at 1 / (1 + 1.96^2).
    row = read_csv(tmp_path / "report" / "verified.csv")[-3]
    assert (row["checked"], row["share_wrong"]) == (1, 1)
    assert (row["low"], row["high"]) == (0.2065, 1)
    flags = ["--apply=decisions", "--undecided=drop"]
    code, out, err = report_line(tmp_path, *flags)
    assert code == 0, err
    cleaned = tmp_path / "report" / "cleaned_drop_0.9.csv"
    assert len(read_csv(cleaned)) == 400 - suspected
    assert f"{suspected - 1} of 400 labels have a score above 0.9" in out


BAD_DECISIONS = {
    "none": (["--apply=decisions"], "no such file list"),
    "for what": (["--undecided=drop"], "expected --apply=decisions"),
    "replaced": (
        ["--apply=decisions", "--decisions={0}", "--out={0}"],
        "would replace the decisions",
    ),
    "other run": (
        ["--apply=decisions", "--decisions={0}"],
        "line 2: this run has no example 9999",
    ),
}


@pytest.mark.parametrize("case", BAD_DECISIONS)
def test_decisions_that_do_not_fit_end_in_one_line(case, tmp_path, report_line):
    flags, message = BAD_DECISIONS[case]
    s = simulated(400)
    file.write_records(tmp_path / file.FILE_NAME, s)
    mine = tmp_path / "mine.csv"
    index, label = (9999, "a") if case == "other run" else (0, s.given[0])
    text = f"{index},images/{index}.jpg,class {label},,drop\n"
    mine.write_text(f"index,name,given,label,decision\n{text}")
    code, _, err = report_line(tmp_path, *[f.format(mine) for f in flags])
    assert code == 2 and one_line(err) and message in err
    assert text in mine.read_text()


NO_RUN = {
    "no folder": (lambda run: None, "which has no config.gin"),
    "other things": (
        lambda run: (run.mkdir(), (run / "a.txt").touch()),
        "which has no config.gin",
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
        "expected one run, got the comparison",
    ),
    "broken": (
        lambda run: (run.mkdir(), (run / "labels.parquet").write_text("x")),
        "labels.parquet is damaged, or not what its name says",
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
