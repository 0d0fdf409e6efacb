"""Plots as SVG that stands inside a page and takes its colours from there."""

import io
import re
from collections.abc import Sequence

import numpy as np

from fsr_gdw_tf.label_quality.label_records import LabelRecords

WIDTH, HEIGHT = 4.6, 2.6  # inches; small, so that text is readable on a phone
BINS = 40
# The page's style sheet says which colours these are, by day and by night.
COLOURS = {
    "#010101": "currentColor",
    "#020202": "var(--first)",
    "#030303": "var(--second)",
}
INK, FIRST, SECOND = COLOURS
STYLE = {
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "fsr_gdw_tf",  # the same input, the same file
    "font.size": 8.5,
    "axes.labelpad": 10,
    "axes.xmargin": 0.01,
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": INK,
    "grid.alpha": 0.12,
}
CURVES = (  # title, axis, columns of metrics.csv and what they are
    ("Loss", "loss", {"loss": "training", "val_loss": "test"}),
    ("Accuracy", "accuracy", {"accuracy": "training", "val_accuracy": "test"}),
    (
        "Purity: share of the dictionary whose label is right",
        "purity",
        {"purity": "dictionary"},
    ),
    (
        "Learned weights",
        "mean weight",
        {"weight_clean": "right labels", "weight_mislabelled": "wrong labels"},
    ),
)


def training(metrics: Sequence[dict]) -> str:
    """Figures of what a run has logged."""
    figures = []
    for title, axis, columns in CURVES:
        known = {c: columns[c] for c in columns if any(c in r for r in metrics)}
        if known:
            figures.append(_figure(title, curves(metrics, known, axis)))
    return "\n".join(figures) or "<p>This run has logged nothing.</p>"


def scores(records: LabelRecords, score: np.ndarray) -> str:
    """Figures of the scores and, if the method weighs examples, of weights."""
    wrong, columns = records.wrong, records.columns
    plot = histogram(score, wrong, "score")
    figures = [_figure("Score: probability that a label is wrong", plot)]
    if "weight" in columns:
        plot = histogram(columns["weight"], wrong, "mean weight")
        figures.append(_figure("Weight in training", plot))
    return "\n".join(figures)


def _figure(title: str, plot: str) -> str:
    return f"<figure><figcaption><h3>{title}</h3></figcaption>{plot}</figure>"


def curves(rows: Sequence[dict], series: dict[str, str], y: str) -> str:
    """Columns of metrics.csv over the epochs; `series` says how they read."""

    def draw(axes):
        lines = zip(series.items(), (FIRST, SECOND), strict=False)
        for (column, label), colour in lines:
            known = [r for r in rows if _is_number(r.get(column))]
            epochs = [r["epoch"] for r in known]
            values = [r[column] for r in known]
            mark = "o" if len(known) == 1 else ""
            axes.plot(epochs, values, color=colour, marker=mark, label=label)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(axis="y")

    return _svg(draw, "epoch", y, f"{y} over the epochs of training")


def histogram(values: np.ndarray, wrong: np.ndarray | None, x: str) -> str:
    """How often each value comes, apart for right and for wrong labels."""
    values = np.nan_to_num(np.asarray(values, np.float64))
    edges = np.linspace(0.0, _end(values), BINS + 1)
    values = np.clip(values, 0.0, edges[-1])  # the last bin takes what is above
    parts = {"all labels": slice(None)}
    if wrong is not None:
        parts = {"right labels": ~wrong, "wrong labels": wrong}

    def draw(axes):
        colours = zip(parts.items(), (FIRST, SECOND), strict=False)
        for (label, rows), colour in colours:
            counts = np.histogram(values[rows], edges)[0]
            look = {"color": colour, "baseline": 0.5}
            axes.stairs(counts, edges, fill=True, alpha=0.3, **look)
            axes.stairs(counts, edges, linewidth=1.3, label=label, **look)
        axes.set_yscale("log")  # a few wrong labels among many stay visible
        axes.set_ylim(bottom=0.7)
        axes.yaxis.set_major_formatter("{x:,.0f}")
        axes.minorticks_off()
        axes.grid(axis="y")

    return _svg(draw, x, "labels (log scale)", f"histogram of the {x}")


def _end(values: np.ndarray) -> float:
    """Where the axis ends: at 1, or where nearly all values are below."""
    if not len(values) or values.max() <= 1.0:
        return 1.0
    return max(float(np.percentile(values, 99.5)), 1.0)


def _is_number(value) -> bool:
    return isinstance(value, int | float) and bool(np.isfinite(value))


def _svg(draw, x: str, y: str, says: str) -> str:
    import matplotlib as mpl  # heavy, and only a report needs it
    from matplotlib.figure import Figure

    with mpl.rc_context(STYLE):
        figure = Figure((WIDTH, HEIGHT), layout="constrained")
        axes = figure.add_subplot()
        draw(axes)
        axes.set(xlabel=x, ylabel=y)
        axes.legend(
            loc="lower left",
            bbox_to_anchor=(0, 1),
            ncols=2,
            frameon=False,
            borderaxespad=0,
        )
        file = io.StringIO()
        nobody = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(file, format="svg", transparent=True, metadata=nobody)
    return _inline(file.getvalue(), says)


def _inline(svg: str, says: str) -> str:
    """Only the element, in the page's colours, with words for its picture."""
    svg = svg[svg.index("<svg") :]
    # A style inside a picture would hold for the whole page.
    svg = re.sub(r"<style.*?</style>", "", svg, flags=re.DOTALL)
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    for placeholder, colour in COLOURS.items():
        svg = svg.replace(placeholder, colour)
    return svg.replace("<svg", f'<svg role="img" aria-label="{says}"', 1)
