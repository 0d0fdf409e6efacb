"""Helpers of the tests that open a label report in a browser."""

from pathlib import Path

from fsr_gdw_tf.label_report.page import write_page

HOW = "needs a browser: pip install -e .[dev] && playwright install chromium"
FILES = ("label_issues", "class_summary", "noise_matrix", "verify_me")
WIDE, PHONE = 1280, 390


def write(folder: Path, given) -> Path:
    """Write a page and the empty files that it links to."""
    write_page(folder / "index.html", given)
    for name in FILES[: 3 if given.records.true is not None else 4]:
        (folder / f"{name}.csv").write_text("")
    return folder / "index.html"


def cards(page) -> list[int]:
    """Return the indices of the cards that are shown, in order."""
    found = page.locator("#gallery .card")
    return found.evaluate_all("all => all.map(c => Number(c.dataset.index))")
