"""One HTML page of one training run: which labels to check, and why.

The page is one file without a reference to anything but the CSV files beside
it. What comes from data is escaped here, or goes as JSON to page.js.
"""

import dataclasses
import html
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from string import Template

import numpy as np

from fsr_gdw_tf import __version__
from fsr_gdw_tf.io.files import write
from fsr_gdw_tf.label_quality.label_issues import LabelIssues
from fsr_gdw_tf.label_quality.label_records import LabelRecords
from fsr_gdw_tf.label_report import gallery, plots

HERE = Path(__file__).parent
CELLS = 30  # classes up to which a heat map can be read
FEW = 100  # classes that are written out; page.js knows all of them
TRUTH = (
    "Here the true labels are known: beside each label stands whether the "
    "suspicion is right."
)
SHEET = "RUN_DIR/report/verify_me.csv"
VERIFY = f"""<li>To learn how far the scores can be trusted, look at the labels
in <a href="verify_me.csv">verify_me.csv</a>, write <i>right</i> or <i>wrong</i>
beside each, and run <code><span>python -m fsr_gdw_tf.report
RUN_DIR</span> <span>--verified={SHEET}</span></code></li>"""
CLASS_COLUMNS = {
    "name": "Class",
    "part": "Part",
    "n": "Labels",
    "noise": "Probably wrong",
    "noise_low": "Interval",
    "effective_n": "Probably right",
    "mean_weight": "Mean weight",
    "recall": "Recall",
}


@dataclasses.dataclass(frozen=True)
class Content:
    """What a page is made of.

    facts: (label, value) for the header.
    metrics: rows of metrics.csv.
    classes: those of `class_summary`; what is not known is None.
    matrix: how many examples of each given class are suggested each class.
    reasons: why an example is suspected, in words.
    images: uint8 images by example index; None for what is no image.
    """

    title: str
    facts: list[tuple[str, str]]
    records: LabelRecords
    issues: LabelIssues
    metrics: list[dict]
    classes: list[dict]
    matrix: np.ndarray
    reasons: Callable[[int], str]
    images: gallery.Images


def write_page(path: Path, content: Content) -> None:
    """Write the page, as a whole."""
    write(path, render(content))


def render(content: Content) -> str:
    """The page as text."""
    s, issues = content.records, content.issues
    rows, compare = gallery.build_cards(
        s, issues, content.reasons, content.images
    )
    classes = _class_rows(content)
    data = {
        "names": [gallery.short(name) for name in s.class_names],
        # A number alone does not say that it is the name of something.
        "kind": "example " if str(s.names[0]).isdecimal() else "",
        "rows": rows,
        "trusted": compare,
        # Their names are there already, and may be many.
        "classes": [{k: r[k] for k in r if k != "name"} for r in classes],
    }
    return Template(_file("page.html")).substitute(
        _words(content),
        css=_file("page.css"),
        js=_file("page.js"),
        data=_json(data),
        **_shown(len(rows), int(issues.is_issue.sum())),
        **_confusions(content),
        **_classes(classes),
        scores=plots.scores(s, issues.score),
        training=plots.training(content.metrics),
    )


# ---- what page.js gets


def _class_rows(content: Content) -> list[dict]:
    names = content.records.class_names
    place = {str(name): i for i, name in enumerate(names)}
    rows = []
    for row in content.classes:
        numbers = {
            key: _number(row.get(key))
            for key in (*CLASS_COLUMNS, "noise_high")
            if key not in ("name", "part")
        }
        name = str(row["class"])
        about = {"index": place[name], "name": name, "part": row["part"]}
        rows.append(about | numbers)
    return rows


def _number(value) -> float | None:
    """Return a rounded number, or None if it is not finite."""
    if value is None or not np.isfinite(value):
        return None
    return round(float(value), 4)


def _json(content) -> str:
    """JSON that cannot end the element it stands in."""
    text = json.dumps(
        content, ensure_ascii=False, separators=(",", ":"), allow_nan=False
    )
    text = _readable(text)
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text


# ---- what is written out


def _file(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")


def _text(value) -> str:
    """Text for a place inside HTML."""
    return html.escape(_readable(str(value)))


def _readable(text: str) -> str:
    """Bytes of a file's name that are no text become '?'."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _name(value) -> str:
    """A name that does not turn the text around it when read from the right."""
    return f"<bdi>{_text(gallery.short(value))}</bdi>"


def _words(content: Content) -> dict[str, str]:
    """What is said of the run as a whole."""
    s, suspected = content.records, int(content.issues.is_issue.sum())
    return {
        "title": _text(content.title),
        "version": __version__,
        "facts": "\n".join(_fact(*fact) for fact in content.facts),
        "issues": f"{suspected:,}",
        "examples": f"{len(s):,}",
        "share": f"{suspected / max(len(s), 1):.1%}",
        "truth": "" if s.true is None else TRUTH,
        "verify": VERIFY if s.true is None else "",
        "files": _files(s),
    }


def _shown(shown: int, suspected: int) -> dict[str, str]:
    """How many of them are on the page."""
    of_issues = f"of {suspected:,} suspicious labels"
    if not suspected:
        of_issues = "labels that the network doubts most"
    return {"shown": f"{shown:,}", "of_issues": of_issues}


def _fact(label: str, value: str) -> str:
    look = "long" if len(str(value)) > 60 else "brief"
    return (
        f'<div class="{look}"><dt>{_text(label)}</dt>'
        f"<dd>{_text(value)}</dd></div>"
    )


def _files(records: LabelRecords) -> str:
    names = ["label_issues.csv", "class_summary.csv", "noise_matrix.csv"]
    names += ["verify_me.csv"] if records.true is None else []
    links = [f'<a href="{name}">{name}</a>' for name in names]
    return ", ".join(links[:-1]) + " and " + links[-1]


# ---- tables


def _confusions(content: Content) -> dict[str, str]:
    names = content.records.class_names
    if len(names) > CELLS:
        heat = {"no_heat": " hidden", "heat_head": "", "heat_rows": ""}
    else:
        brief = max(map(len, names), default=0) <= 3
        look = "upright" if brief else "sideways"
        head = [
            f'<th scope="col" class="{look}">{_name(name)}</th>'
            for name in names
        ]
        heat = {"no_heat": "", "heat_head": "".join(head)}
        heat["heat_rows"] = _heat(content)
    return heat | {"pairs": _pairs(content)}


def _classes(classes: list[dict]) -> dict[str, str]:
    """The table of classes; those with most wrong labels are written out."""
    keys = [k for k in CLASS_COLUMNS if any(r[k] is not None for r in classes)]
    worst = sorted(classes, key=lambda row: -(row["noise"] or 0))[:FEW]
    return {
        "class_head": "".join(_class_head(key) for key in keys),
        "class_rows": "\n".join(_class_line(row, keys) for row in worst),
        "class_count": f"{len(classes):,}",
    }


def _heat(content: Content) -> str:
    """Rows of the heat map: each cell by its share of the row."""
    names, matrix = content.records.class_names, content.matrix
    share = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    np.fill_diagonal(share, 0.0)
    share = share / max(float(share.max()), 1e-9)
    classes = range(len(names))
    lines = []
    for g in classes:
        cells = [_cell(g, c, int(matrix[g, c]), share[g, c]) for c in classes]
        head = f'<tr><th scope="row">{_name(names[g])}</th>'
        lines.append(head + "".join(cells) + "</tr>")
    return "\n".join(lines)


def _cell(given: int, suggested: int, count: int, heat: float) -> str:
    if given == suggested:
        return f'<td class="kept">{count:,}</td>'
    if not count:
        return "<td></td>"
    look = f'style="--v:{heat:.3f}"'
    return f"<td {look} {_link(given, suggested)}>{count:,}</td>"


def _link(given: int, suggested: int) -> str:
    """What page.js shows when one clicks on it."""
    return f'data-given="{given}" data-suggested="{suggested}"'


def _pairs(content: Content) -> str:
    """The most frequent confusions, a row each."""
    names, lines = content.records.class_names, []
    sizes = content.matrix.sum(axis=1)
    for given, suggested, count in gallery.confusions(content.matrix):
        link = f'<button type="button" {_link(given, suggested)} hidden>'
        lines.append(
            f'<tr><td class="name">{_name(names[given])}</td>'
            f'<td class="name">{_name(names[suggested])}</td>'
            f'<td class="number">{count:,}</td>'
            f'<td class="number rest">{count / sizes[given]:.1%}</td>'
            f"<td>{link}Show</button></td></tr>"
        )
    none = '<tr><td colspan="5">No label is suspicious.</td></tr>'
    return "\n".join(lines) or none


def _class_head(key: str) -> str:
    look = f'class="{_look(key)}" data-key="{key}"'
    return f'<th scope="col" {look}>{CLASS_COLUMNS[key]}</th>'


def _look(key: str) -> str:
    return {"name": "name", "part": "part"}.get(key, "number")


def _class_line(row: dict, keys: Sequence[str]) -> str:
    cells = [f'<td class="{_look(k)}">{_class_cell(row, k)}</td>' for k in keys]
    return f"<tr>{''.join(cells)}</tr>"


def _class_cell(row: dict, key: str) -> str:
    value = row[key]
    if key in ("name", "part"):
        return _name(value)
    if value is None:
        return "-"
    if key in ("n", "effective_n"):
        return f"{value:,.0f}"
    if key == "noise_low":
        return f"{value:.1%} to {row['noise_high']:.1%}"
    return f"{value:.2f}" if key == "mean_weight" else f"{value:.1%}"
