"""Building the label report."""

import time

import numpy as np
import pytest
from support.label_records import simulated
from support.runs import TINY as THREE_EPOCHS

from fsr_gdw_tf import InvalidInput, arrays
from fsr_gdw_tf.io.run_folder import RunFolder
from fsr_gdw_tf.label_quality import label_records as file
from fsr_gdw_tf.label_report.build import build_report


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
    page = run / "report" / "index.html"
    assert page.is_file() and f"Report: {page}" in out
    assert f"python -m fsr_gdw_tf.report {run} --review" in out


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


@pytest.mark.parametrize(
    "text", ["a,b\n1,2\n", "kind,group\nidentical,1\n", "kind\n\xff"]
)
def test_a_list_of_copies_that_is_damaged_is_told(tmp_path, text):
    labels = simulated(60)
    file.write_records(tmp_path / file.FILE_NAME, labels)
    (tmp_path / "duplicates.csv").write_bytes(text.encode("latin-1"))
    source = arrays(np.zeros((60, 4, 4, 3), np.uint8), labels.given)
    with pytest.raises(InvalidInput, match=r"duplicates\.csv is damaged"):
        build_report(RunFolder(tmp_path), source)


def test_copies_of_one_label_are_no_conflict(tmp_path):
    labels = simulated(60)
    file.write_records(tmp_path / file.FILE_NAME, labels)
    rows = "1,identical,a.png,cat,train\n1,identical,b.png,cat,test\n"
    rows += "2,similar,c.png,cat,train\n2,similar,d.png,dog,train\n"
    rows += "3,identical,e.png,cat,train\n3,identical,<b>f.png,dog,test\n"
    head = "group,kind,path,label,split\n"
    (tmp_path / "duplicates.csv").write_text(head + rows)
    source = arrays(np.zeros((60, 4, 4, 3), np.uint8), labels.given)
    text = build_report(RunFolder(tmp_path), source).read_text()
    assert "e.png" in text and "&lt;b&gt;f.png" in text
    assert not any(name in text for name in ("a.png", "b.png", "<b>f", "d.png"))
