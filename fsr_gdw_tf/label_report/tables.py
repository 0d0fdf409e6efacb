"""Render the tables of the page: confusions and classes."""

from collections.abc import Sequence

import numpy as np

from fsr_gdw_tf.label_report.escaping import name_html
from fsr_gdw_tf.label_report.gallery import confusions

MAX_HEAT_CLASSES = 30  # above, the noise matrix is too small to read
MAX_CLASS_ROWS = 100  # rows in the HTML; page.js has those of all classes
MAX_CONFLICT_ROWS = 500  # identical files of different labels
CLASS_COLUMNS = {
    "name": "Class",
    "part": "Frequency",
    "n": "Labels",
    "noise": "Probably wrong",
    "noise_low": "Interval",
    "effective_n": "Probably right",
    "mean_weight": "Mean weight",
    "recall_before": "Recall before",
    "recall": "Recall",
}


def confusion_tables(
    names: Sequence[str], matrix: np.ndarray
) -> dict[str, str]:
    """Return the heat map, if it is readable, and the most frequent pairs."""
    if len(names) > MAX_HEAT_CLASSES:
        heat = {"no_heat": " hidden", "heat_head": "", "heat_rows": ""}
    else:
        short_names = max(map(len, names), default=0) <= 3
        css = "upright" if short_names else "sideways"
        head = [
            f'<th scope="col" class="{css}">{name_html(name)}</th>'
            for name in names
        ]
        heat = {"no_heat": "", "heat_head": "".join(head)}
        heat["heat_rows"] = _heat_rows(names, matrix)
    return heat | {"pairs": _pair_rows(names, matrix)}


def class_table(classes: list[dict]) -> dict[str, str]:
    """Return the table of classes, those with the most label noise first."""
    keys = [k for k in CLASS_COLUMNS if any(r[k] is not None for r in classes)]
    worst = sorted(classes, key=lambda row: -(row["noise"] or 0))
    lines = [_class_line(row, keys) for row in worst[:MAX_CLASS_ROWS]]
    return {
        "class_head": "".join(_class_head(key) for key in keys),
        "class_rows": "\n".join(lines),
        "class_count": f"{len(classes):,}",
    }


def conflict_table(rows: Sequence[dict]) -> dict[str, str]:
    """Return the identical files of different labels, group by group."""
    lines = [
        f'<tr><td class="number">{name_html(row["group"])}</td>'
        f'<td class="name">{name_html(row["label"])}</td>'
        f'<td class="name">{name_html(row["path"])}</td>'
        f'<td class="name">{name_html(row["split"])}</td></tr>'
        for row in rows[:MAX_CONFLICT_ROWS]
    ]
    hidden = "" if rows else " hidden"
    return {"conflicts": "\n".join(lines), "no_conflicts": hidden}


def _heat_rows(names: Sequence[str], matrix: np.ndarray) -> str:
    """Return the rows of the heat map, coloured by the share of the row."""
    share = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    np.fill_diagonal(share, 0.0)
    share = share / max(float(share.max()), 1e-9)
    classes = range(len(names))
    lines = []
    for g in classes:
        cells = [_heat_cell(g, c, matrix[g, c], share[g, c]) for c in classes]
        head = f'<tr><th scope="row">{name_html(names[g])}</th>'
        lines.append(head + "".join(cells) + "</tr>")
    return "\n".join(lines)


def _heat_cell(given: int, suggested: int, count: int, share: float) -> str:
    if given == suggested:
        return f'<td class="diagonal">{count:,}</td>'
    if not count:
        return "<td></td>"
    style = f'style="--v:{share:.3f}"'
    return f"<td {style} {_link(given, suggested)}>{count:,}</td>"


def _link(given: int, suggested: int) -> str:
    """Return attributes by which page.js shows the labels of this pair."""
    return f'data-given="{given}" data-suggested="{suggested}"'


def _pair_rows(names: Sequence[str], matrix: np.ndarray) -> str:
    """Return a table row for each of the most frequent confusions."""
    lines, sizes = [], matrix.sum(axis=1)
    for given, suggested, count in confusions(matrix):
        link = f'<button type="button" {_link(given, suggested)} hidden>'
        lines.append(
            f'<tr><td class="name">{name_html(names[given])}</td>'
            f'<td class="name">{name_html(names[suggested])}</td>'
            f'<td class="number">{count:,}</td>'
            f'<td class="number rest">{count / sizes[given]:.1%}</td>'
            f"<td>{link}Show</button></td></tr>"
        )
    empty = '<tr><td colspan="5">No label is suspicious.</td></tr>'
    return "\n".join(lines) or empty


def _class_head(key: str) -> str:
    attributes = f'class="{_css_class(key)}" data-key="{key}"'
    return f'<th scope="col" {attributes}>{CLASS_COLUMNS[key]}</th>'


def _css_class(key: str) -> str:
    return {"name": "name", "part": "part"}.get(key, "number")


def _class_line(row: dict, keys: Sequence[str]) -> str:
    cells = [
        f'<td class="{_css_class(key)}">{_class_cell(row, key)}</td>'
        for key in keys
    ]
    return f"<tr>{''.join(cells)}</tr>"


def _class_cell(row: dict, key: str) -> str:
    value = row[key]
    if key in ("name", "part"):
        return name_html(value)
    if value is None:
        return "-"
    if key in ("n", "effective_n"):
        return f"{value:,.0f}"
    if key == "noise_low":
        return f"{value:.1%} to {row['noise_high']:.1%}"
    return f"{value:.2f}" if key == "mean_weight" else f"{value:.1%}"
