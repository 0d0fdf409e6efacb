"""Render the HTML page of a label report.

The page is one file that refers to nothing but the CSV files beside it. Names
that come from data are escaped here, or reach the scripts as JSON.
"""

import base64
import dataclasses
import hashlib
import json
import shlex
from collections.abc import Callable, Sequence
from pathlib import Path
from string import Template

import numpy as np

from fsr_gdw_tf import __version__
from fsr_gdw_tf.io.files import write
from fsr_gdw_tf.label_quality.label_issues import LabelIssues
from fsr_gdw_tf.label_quality.label_records import LabelRecords
from fsr_gdw_tf.label_report import gallery, plots
from fsr_gdw_tf.label_report.embedding import Embedding, draw_map
from fsr_gdw_tf.label_report.escaping import (
    escape,
    shorten,
    to_json,
    valid_utf8,
)
from fsr_gdw_tf.label_report.tables import (
    CLASS_COLUMNS,
    class_table,
    conflict_table,
    confusion_tables,
)

HERE = Path(__file__).parent
# One script: each may use what the others define.
SCRIPTS = ("page.js", "decisions.js", "gallery.js", "review.js", "classes.js")
TRUTH = (
    "The true labels of these data are known: each card says whether its label "
    "is wrong."
)
VERIFY = """<li>To check how reliable the scores are, look at the examples in
<a href="verify_me.csv">verify_me.csv</a>, write <i>right</i> or <i>wrong</i>
in the column label_is of each, or the true class in true_class, and run
<code><span>python -m fsr_gdw_tf.report {run_dir}</span>
<span>--verified={sheet}</span></code></li>"""


@dataclasses.dataclass(frozen=True)
class Content:
    """All that a page shows.

    run_dir: the run's folder, for the commands.
    facts: (label, value) pairs of the header.
    metrics: rows of metrics.csv.
    classes: rows of `class_summary`; a value that is unknown is None.
    matrix: counts of labels by (given class, suggested class).
    reasons: returns why an example is suspected.
    images: returns uint8 images by example index.
    embedding: places of examples on the map, if they were computed.
    conflicts: rows of duplicates.csv: identical files of different labels.
    """

    title: str
    run_dir: Path
    facts: list[tuple[str, str]]
    records: LabelRecords
    issues: LabelIssues
    metrics: list[dict]
    classes: list[dict]
    matrix: np.ndarray
    reasons: Callable[[int], str]
    images: gallery.Images
    embedding: Embedding | None = None
    conflicts: Sequence[dict] = ()


def write_page(path: Path, content: Content) -> None:
    """Write the page, atomically."""
    write(path, render(content))


def render(content: Content) -> str:
    """Return the page as HTML, with images of some suspected labels."""
    records, issues = content.records, content.issues
    cards, trusted = gallery.build_cards(
        records, issues, content.reasons, content.images
    )
    data = _page_data(content, trusted) | {"rows": cards}
    return _fill(content, data, len(cards), served=False)


def render_served(content: Content) -> tuple[str, str]:
    """Return the page for a server of a review, and columns of rows as JSON.

    The server has all suspected labels; it is asked for their images and
    reasons when they are shown.
    """
    rows, trusted = gallery.build_rows(content.records, content.issues)
    shown = sum(row.get("sample") != gallery.SAMPLE_ONLY for row in rows)
    data = _page_data(content, trusted) | {"served": True}
    page = _fill(content, data, shown, served=True)
    # Column by column: half as long as rows, each with all keys.
    keys = dict.fromkeys(key for row in rows for key in row)
    columns = {key: [row.get(key) for row in rows] for key in keys}
    return page, json.dumps(columns, separators=(",", ":"))


def _fill(content: Content, data: dict, shown: int, served: bool) -> str:
    """Return the page with these data; `shown` are the suspected labels."""
    records, issues = content.records, content.issues
    return Template(_read("page.html")).substitute(
        _run_texts(content),
        **_assets(served),
        data=to_json(data),
        **_gallery_texts(shown, int(issues.is_issue.sum())),
        **confusion_tables(records.class_names, content.matrix),
        **class_table(_class_rows(content)),
        **_map_texts(content),
        **conflict_table(content.conflicts),
        scores=plots.scores(records, issues.score),
        training=plots.training(content.metrics),
    )


def _assets(served: bool) -> dict[str, str]:
    """Return the page's style, its script, and what it may load."""
    script = "".join(map(_read, SCRIPTS))
    script = f'"use strict";\n(async () => {{\n{script}}})();\n'
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest())
    return {
        "css": _read("page.css") + _read("review.css"),
        "js": script,
        # No other script runs, whatever names of others might contain.
        "script_hash": f"'sha256-{digest.decode()}'",
        "own_server": "'self'" if served else "",
        "connect": "'self'" if served else "'none'",
    }


# ---- data for the scripts


def _page_data(content: Content, trusted: dict[int, list[dict]]) -> dict:
    """Return the data of the scripts, without the rows."""
    records, classes = content.records, _class_rows(content)
    names = [str(name) for name in records.class_names]
    shown = [shorten(name) for name in names]
    return {
        "names": shown,
        "whole_names": {i: n for i, n in enumerate(names) if n != shown[i]},
        # Examples whose names are indices are called "example 7".
        "kind": "example " if str(records.names[0]).isdecimal() else "",
        "trusted": trusted,
        # Without the names, which are above and may be many.
        "classes": [{k: r[k] for k in r if k != "name"} for r in classes],
    }


def _class_rows(content: Content) -> list[dict]:
    """Return the rows of the class table, numbers rounded."""
    names = content.records.class_names
    indices = {str(name): i for i, name in enumerate(names)}
    rows = []
    for row in content.classes:
        numbers = {
            key: _number(row.get(key))
            for key in (*CLASS_COLUMNS, "noise_high")
            if key not in ("name", "part")
        }
        name = str(row["class"])
        texts = {"index": indices[name], "name": name, "part": row["part"]}
        rows.append(texts | numbers)
    return rows


def _number(value: float | None) -> float | None:
    """Return a rounded number, or None if it is not finite."""
    if value is None or not np.isfinite(value):
        return None
    return round(float(value), 4)


# ---- texts


def _read(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")


def _run_texts(content: Content) -> dict[str, str]:
    """Return the texts about the run as a whole."""
    records, n = content.records, len(content.records)
    suspected = int(content.issues.is_issue.sum())
    return {
        "title": escape(content.title),
        "version": __version__,
        "facts": "\n".join(_fact(*fact) for fact in content.facts),
        "issues": f"{suspected:,}",
        "examples": f"{n:,}",
        "kind": "labels" if records.held_out.any() else "training labels",
        "share": f"{suspected / max(n, 1):.1%}",
        "truth": "" if records.true is None else TRUTH,
        "run_dir": _in_command(content.run_dir),
        "verify": _verify(content.run_dir) if records.true is None else "",
        "files": _files(records),
    }


def _verify(run_dir: Path) -> str:
    """Return the step that checks the scores."""
    sheet = run_dir / "report" / "verify_me.csv"
    return VERIFY.format(run_dir=_in_command(run_dir), sheet=_in_command(sheet))


def _in_command(path: Path) -> str:
    """Return a path as it is typed into a shell, safe inside HTML."""
    return escape(shlex.quote(valid_utf8(str(path))))


def _gallery_texts(shown: int, suspected: int) -> dict[str, str]:
    """Return how many of the suspected labels are on the page."""
    of_issues = f"of {suspected:,} suspicious labels"
    if not suspected:
        of_issues = "labels with the highest scores"
    return {"shown": f"{shown:,}", "of_issues": of_issues}


def _map_texts(content: Content) -> dict[str, str]:
    """Return the map of examples, and its method; hidden if there is none."""
    places = content.embedding
    if places is None:
        return {"no_map": " hidden", "map": "", "map_method": ""}
    drawn = draw_map(content.records, content.issues, places)
    return {"no_map": "", "map": drawn, "map_method": places.method.upper()}


def _fact(label: str, value: str) -> str:
    css = "long" if len(str(value)) > 60 else "brief"
    return (
        f'<div class="{css}"><dt>{escape(label)}</dt>'
        f"<dd>{escape(value)}</dd></div>"
    )


def _files(records: LabelRecords) -> str:
    """Return links to the CSV files beside the page."""
    names = ["label_issues.csv", "class_summary.csv", "noise_matrix.csv"]
    names += ["verify_me.csv"] if records.true is None else []
    links = [f'<a href="{name}">{name}</a>' for name in names]
    return ", ".join(links[:-1]) + " and " + links[-1]
