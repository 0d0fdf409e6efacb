"""The plots of the label report."""

import re
from pathlib import Path

import numpy as np
import pytest
from support.report_page import METRICS

from fsr_gdw_tf.label_report import gallery, plots


def test_plots_take_their_colours_from_the_page_and_keep_text_as_text():
    svg = plots.curves(METRICS, {"loss": "training"}, "loss")
    assert "currentColor" in svg
    assert "var(--first)" in svg
    assert not re.search(r"(stroke|fill): #", svg)
    assert "<style" not in svg
    assert "<text" in svg
    assert 'aria-label="loss over the epochs of training"' in svg


def test_a_curve_leaves_out_what_was_not_logged_or_is_not_finite():
    rows = [*METRICS, {"epoch": 3, "loss": float("nan")}, {"epoch": 4}]
    assert "nan" not in plots.curves(rows, {"loss": "training"}, "loss").lower()


def test_a_histogram_tells_right_and_wrong_labels_apart_where_it_can():
    values = np.array([0.1, 0.9, np.nan])
    both = plots.histogram(values, np.array([False, True, False]), "score")
    assert "right labels" in both
    assert "wrong labels" in both
    assert "all labels" in plots.histogram(values, None, "score")


def luminance(colour: str) -> float:
    """Relative luminance as WCAG 2 defines it."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [
        p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4
        for p in parts
    ]
    return float(np.dot([0.2126, 0.7152, 0.0722], linear))


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_text_can_be_read_by_day_and_by_night(scheme):
    css = (Path(gallery.__file__).parent / "page.css").read_text()
    block = re.findall(r":root \{(.*?)\}", css, re.DOTALL)[scheme]
    colours = dict(re.findall(r"--(\w+): (#\w{6})", block))
    for text in ("ink", "soft", "link", "second", "good"):
        for ground in ("page", "card", "tile"):
            pair = luminance(colours[text]), luminance(colours[ground])
            ratio = (max(pair) + 0.05) / (min(pair) + 0.05)
            assert ratio >= 4.5, (text, ground)  # WCAG 2, level AA
