"""The picture of a label report for the README."""

import numpy as np
import pytest
from PIL import Image
from support.browser import HOW, write
from support.forked import run_forked
from support.paths import ROOT
from support.report_page import content

SCRIPT = ROOT / "benchmarks" / "report_picture.py"


@pytest.mark.browser
def test_the_picture_begins_with_the_labels_to_check(tmp_path):
    (tmp_path / "report").mkdir()
    write(tmp_path / "report", content())
    out = tmp_path / "report.png"
    ended = run_forked([SCRIPT, tmp_path, f"--out={out}"])
    if "no Chromium" in ended.stderr or "no Playwright" in ended.stderr:
        pytest.skip(HOW)
    assert ended.returncode == 0, ended.stderr
    pixels = np.array(Image.open(out).convert("RGB"))
    assert pixels.shape == (620, 1000, 3)
    # The bars of the scores of two cards: no other part has so much of orange.
    red, green, blue = np.moveaxis(pixels.astype(int), 2, 0)
    assert ((red > green + 90) & (red > blue + 120)).sum() > 3000


def test_a_run_without_a_report_is_one_line_and_code_2(tmp_path):
    ended = run_forked([SCRIPT, tmp_path / "none"])
    assert ended.returncode == 2
    assert "none/report/index.html does not exist; " in ended.stderr
