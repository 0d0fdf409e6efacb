"""A map of training examples by the features of the trained network.

The places of examples are computed when training ends, and kept as a CSV file
in the run folder, so that a report needs neither the network nor the data.
"""

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from fsr_gdw_tf.io.files import one_line_errors, read_csv, write_csv
from fsr_gdw_tf.label_quality.label_issues import LabelIssues
from fsr_gdw_tf.label_quality.label_records import LabelRecords
from fsr_gdw_tf.label_report.escaping import escape, shorten

FILE_NAME = "embedding.csv"
MAX_SUSPECTED, MAX_OTHERS = 500, 1000  # examples on the map
MIN_FOR_UMAP = 50  # with fewer examples there are no neighbourhoods
METHODS = ("pca", "umap")
NAMED_CLASSES = 12  # more names would cover each other
CLASS_NAME = 24  # characters of a class name that are shown
WIDTH, HEIGHT, MARGIN = 900, 540, 16
OUTER = 0.5  # per cent of examples on each side that are moved to the edge
CROSS = "M{:.1f} {:.1f}l8 8m0-8l-8 8"

# Returns the features of examples, `[examples, dimensions]`.
Features = Callable[[np.ndarray], np.ndarray]


class Embedding(NamedTuple):
    """Places in the plane, `[examples, 2]`, of some examples."""

    indices: np.ndarray
    places: np.ndarray
    method: str


def embed(
    issues: LabelIssues, features: Features, n_train: int | None = None
) -> Embedding:
    """Return places for the worst suspected labels and some of the others.

    n_train: how many are training examples, which come first; None: all.
    """
    rng = np.random.default_rng(0)
    others = np.flatnonzero(~issues.is_issue[:n_train])
    chosen = rng.permutation(others)[:MAX_OTHERS]
    suspected = issues.suspected
    if n_train is not None:
        suspected = suspected[suspected < n_train]
    indices = np.sort(np.append(suspected[:MAX_SUSPECTED], chosen))
    found = np.asarray(features(indices), np.float32).reshape(len(indices), -1)
    method, places = _project(found)
    return Embedding(indices, places, method)


def write_embedding(path: Path, embedding: Embedding) -> None:
    """Write the places as CSV; the names of its columns say the method."""
    x, y = (f"{embedding.method}_{k}" for k in (1, 2))
    places = zip(embedding.indices.tolist(), embedding.places, strict=True)
    rows = [{"index": i, x: f"{a:.5g}", y: f"{b:.5g}"} for i, (a, b) in places]
    write_csv(path, rows, ("index", x, y))


def read_embedding(path: Path, n_examples: int) -> Embedding | None:
    """Return the places in a file; None without a file."""
    rows = read_csv(path)
    if not rows:
        return None
    with one_line_errors(path, "delete it, the report is made without it"):
        methods = [m for m in METHODS if f"{m}_1" in rows[0]]
        method = methods[0]
        indices = np.array([row["index"] for row in rows], np.int64)
        columns = (f"{method}_1", f"{method}_2")
        places = np.array([[row[c] for c in columns] for row in rows], float)
        if not (np.isfinite(places).all() and indices.min() >= 0):
            raise ValueError("a place is not finite, or an index negative")
        if indices.max() >= n_examples:
            raise ValueError(f"the run has no example {indices.max()}")
        return Embedding(indices, places, method)


def draw_map(
    records: LabelRecords, issues: LabelIssues, embedding: Embedding
) -> str:
    """Return the map as SVG: points, crosses for suspected labels, classes."""
    xy = _scale(embedding.places)
    suspected = issues.is_issue[embedding.indices]
    dots = "".join(f"M{x:.1f} {y:.1f}h0" for x, y in xy[~suspected])
    crosses = [
        _cross(records, issues, index, place)
        for index, place in zip(
            embedding.indices[suspected], xy[suspected], strict=True
        )
    ]
    given = records.given[embedding.indices]
    count = f"{len(xy):,} examples, {suspected.sum():,} of them suspicious"
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="Map of {count}"><path class="dots" d="{dots}"/>'
        + "".join([*crosses, *_class_names(records, given, xy, suspected)])
        + "</svg>"
    )


def _project(features: np.ndarray) -> tuple[str, np.ndarray]:
    """Return places by UMAP if it is installed, else by PCA."""
    from sklearn.decomposition import PCA  # slow to import

    n = len(features)
    if n >= MIN_FOR_UMAP and importlib.util.find_spec("umap"):
        from umap import UMAP

        umap = UMAP(n_components=2, random_state=0)
        return "umap", umap.fit_transform(features)
    places = np.zeros((n, 2))
    dimensions = min(2, n, features.shape[1])
    pca = PCA(dimensions, random_state=0)
    # Features of a collapsed network have no variance to explain: 0 / 0.
    with np.errstate(invalid="ignore"):
        places[:, :dimensions] = pca.fit_transform(features)
    return "pca", places


def _scale(places: np.ndarray) -> np.ndarray:
    """Return the places on the map; the outermost ones are at its edge."""
    low, high = np.percentile(places, [OUTER, 100 - OUTER], axis=0)
    share = (places - low) / np.maximum(high - low, 1e-12)
    share = np.clip(share, 0.0, 1.0)
    return MARGIN + share * (np.array([WIDTH, HEIGHT]) - 2 * MARGIN)


def _cross(
    records: LabelRecords, issues: LabelIssues, index: int, place: np.ndarray
) -> str:
    """Return the mark of a suspected label, with what it is as its title."""
    names = records.class_names
    given, suggested = records.given[index], issues.suggested[index]
    title = (
        f"{shorten(records.names[index])}: labelled {shorten(names[given])}, "
        f"perhaps {shorten(names[suggested])}"
    )
    path = CROSS.format(*(place - 4))
    said = f"<title>{escape(title)}</title>"
    return f'<path class="cross" d="{path}">{said}</path>'


def _class_names(
    records: LabelRecords,
    given: np.ndarray,
    xy: np.ndarray,
    suspected: np.ndarray,
) -> list[str]:
    """Return the names of the largest classes in the middle of their points."""
    sizes = np.bincount(given[~suspected], minlength=len(records.class_names))
    largest = np.argsort(-sizes, kind="stable")[:NAMED_CLASSES]
    texts = []
    for c in largest[sizes[largest] > 0].tolist():
        x, y = np.median(xy[(given == c) & ~suspected], axis=0)
        name = str(records.class_names[c])
        if len(name) > CLASS_NAME:
            name = name[: CLASS_NAME - 1] + "…"
        name = escape(name)
        texts.append(f'<text x="{x:.1f}" y="{y:.1f}">{name}</text>')
    return texts
