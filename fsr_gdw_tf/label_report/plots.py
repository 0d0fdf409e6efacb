"""Plot scores and training curves as SVG in the page's own colours."""

import io
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from fsr_gdw_tf.label_quality.label_records import LabelRecords

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH, HEIGHT = 4.6, 2.6  # inches; small, so that text is readable on a phone
BINS = 40
# Placeholders that become variables of page.css, which has a dark mode.
COLOURS = {
    "#010101": "currentColor",
    "#020202": "var(--first)",
    "#030303": "var(--second)",
}
INK, FIRST, SECOND = COLOURS
STYLE = {
    "svg.fonttype": "none",  # keep text as text
    "svg.hashsalt": "fsr_gdw_tf",  # the same ids in every run
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
CURVES = (  # title, axis label, legend labels of columns of metrics.csv
    ("Loss", "loss", {"loss": "training", "val_loss": "test"}),
    ("Accuracy", "accuracy", {"accuracy": "training", "val_accuracy": "test"}),
    (
        "Purity: share of right labels in the dictionary",
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
    """Return figures of the metrics that a run has logged."""
    figures = []
    for title, axis, columns in CURVES:
        logged = {
            column: label
            for column, label in columns.items()
            if any(column in row for row in metrics)
        }
        if logged:
            figures.append(_figure(title, curves(metrics, logged, axis)))
    return "\n".join(figures) or "<p>This run has logged nothing.</p>"


def scores(records: LabelRecords, score: np.ndarray) -> str:
    """Return histograms of the scores and, if there are any, the weights."""
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
    """Return line plots over epochs; `series` maps columns to labels."""

    def draw(axes):
        lines = zip(series.items(), (FIRST, SECOND), strict=False)
        for (column, label), colour in lines:
            finite = [r for r in rows if _is_finite(r.get(column))]
            epochs = [r["epoch"] for r in finite]
            values = [r[column] for r in finite]
            marker = "o" if len(finite) == 1 else ""
            axes.plot(epochs, values, color=colour, marker=marker, label=label)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(axis="y")

    return _svg(draw, "epoch", y, f"{y} over the epochs of training")


def histogram(values: np.ndarray, wrong: np.ndarray | None, x: str) -> str:
    """Return a histogram, of right and wrong labels apart if known."""
    values = np.nan_to_num(np.asarray(values, np.float64))
    edges = np.linspace(0.0, _upper_limit(values), BINS + 1)
    values = np.clip(values, 0.0, edges[-1])  # larger ones are in the last bin
    groups = {"all labels": slice(None)}
    if wrong is not None:
        groups = {"right labels": ~wrong, "wrong labels": wrong}

    def draw(axes):
        coloured = zip(groups.items(), (FIRST, SECOND), strict=False)
        for (label, rows), colour in coloured:
            counts = np.histogram(values[rows], edges)[0]
            style = {"color": colour, "baseline": 0.5}
            axes.stairs(counts, edges, fill=True, alpha=0.3, **style)
            axes.stairs(counts, edges, linewidth=1.3, label=label, **style)
        axes.set_yscale("log")  # so that a few wrong labels stay visible
        axes.set_ylim(bottom=0.7)
        axes.yaxis.set_major_formatter("{x:,.0f}")
        axes.minorticks_off()
        axes.grid(axis="y")

    return _svg(draw, x, "labels (log scale)", f"histogram of the {x}")


def _upper_limit(values: np.ndarray) -> float:
    """Return 1, or the 99.5th percentile if that is larger."""
    if not len(values) or values.max() <= 1.0:
        return 1.0
    return max(float(np.percentile(values, 99.5)), 1.0)


def _is_finite(value: object) -> bool:
    return isinstance(value, int | float) and bool(np.isfinite(value))


def _svg(
    draw: Callable[["Axes"], None], x: str, y: str, description: str
) -> str:
    """Return a figure with one plot; `draw` fills its axes."""
    import matplotlib as mpl  # slow to import; only a report needs it
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
        no_metadata = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(
            file, format="svg", transparent=True, metadata=no_metadata
        )
    return _inline(file.getvalue(), description)


def _inline(svg: str, description: str) -> str:
    """Return the svg element alone, with the page's colours and a label."""
    svg = svg[svg.index("<svg") :]
    # A style element inside an inline SVG would apply to the whole page.
    svg = re.sub(r"<style.*?</style>", "", svg, flags=re.DOTALL)
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    for placeholder, colour in COLOURS.items():
        svg = svg.replace(placeholder, colour)
    return svg.replace("<svg", f'<svg role="img" aria-label="{description}"', 1)
