"""Building the label report."""

import time

import numpy as np
import pytest
from support.label_records import simulated
from support.runs import TINY as THREE_EPOCHS

from fsr_gdw_tf import arrays
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
