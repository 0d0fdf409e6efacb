"""The content of a label report of ten examples."""

import base64
import html.parser
import io
import json
from pathlib import Path

import numpy as np
from PIL import Image

from fsr_gdw_tf.label_quality.label_issues import LabelIssues
from fsr_gdw_tf.label_quality.label_records import LabelRecords
from fsr_gdw_tf.label_report.page import Content

# index: 0     1     2     3     4     5     6     7     8     9
NAMES = ["a0", "a1", "a2", "a3", "b4", "b5", "b6", "b7", "c8", "c9"]
GIVEN = [0, 0, 0, 0, 1, 1, 1, 1, 2, 2]
TRUE = [1, 1, 0, 0, 0, 1, 1, 1, 1, 2]
SUGGESTED = [1, 1, 0, 0, 0, 2, 1, 1, 1, 2]
SCORE = [0.95, 0.92, 0.02, 0.01, 0.9, 0.6, 0.05, 0.03, 0.99, 0.04]
RANK = [1, 2, 3, 4, 1, 2, 3, 4, 1, 2]
ORDER = [8, 0, 1, 4, 5, 6, 9, 7, 2, 3]
CLASSES = [
    {
        "class": "cat",
        "n": 4,
        "part": "head",
        "effective_n": 2.1,
        "mean_weight": 0.31,
        "noise": 0.475,
        "noise_low": 0.142,
        "noise_high": 0.832,
        "recall": 0.917,
    },
    {
        "class": "dog",
        "n": 4,
        "part": "head",
        "effective_n": 2.42,
        "mean_weight": 0.52,
        "noise": 0.395,
        "noise_low": 0.104,
        "noise_high": 0.786,
        "recall": None,
    },
    {
        "class": "eel",
        "n": 2,
        "part": "tail",
        "effective_n": 0.97,
        "mean_weight": 0.18,
        "noise": 0.515,
        "noise_low": 0.098,
        "noise_high": 0.914,
        "recall": 0.5,
    },
]
MATRIX = [[2, 2, 0], [1, 2, 1], [0, 1, 1]]
METRICS = [
    {"epoch": 1, "loss": 1.2, "accuracy": 0.4, "val_accuracy": 0.3},
    {"epoch": 2, "loss": 0.8, "accuracy": 0.6, "val_accuracy": 0.7},
]


def issues() -> LabelIssues:
    """Return label issues: five suspicious labels of ten."""
    score = np.array(SCORE)
    return LabelIssues(
        score=score,
        suggested=np.array(SUGGESTED),
        rank=np.array(RANK),
        is_issue=score > 0.5,
        order=np.array(ORDER),
    )


def images(indices) -> list:
    """Return gray images of eight by eight pixels."""
    return [np.full((8, 8, 1), 20 * i, np.uint8) for i in indices]


def content(true=TRUE, classes=CLASSES, names=NAMES, **kwargs) -> Content:
    """Return the content of a page of ten labels; `kwargs` replace fields."""
    columns = {"visits": np.full(10, 8.0), "probability": 1 - np.array(SCORE)}
    if any(row.get("mean_weight") is not None for row in classes):
        columns["weight"] = np.linspace(0, 1, 10)
    records = LabelRecords(
        names=names,
        given=np.array(GIVEN),
        class_names=[row["class"] for row in classes],
        columns=columns,
        top=np.array(SUGGESTED)[:, None],
        top_probs=np.full((10, 1), 0.8),
        true=None if true is None else np.array(true),
    )
    parts = {
        "title": "pets",
        "run_dir": Path("runs/photos"),
        "facts": [("test accuracy", "94.8%"), ("seed", "3")],
        "records": records,
        "issues": issues(),
        "metrics": METRICS,
        "classes": classes,
        "matrix": np.array(MATRIX),
        "reasons": lambda i: f"because of {i}",
        "images": images,
    }
    return Content(**{**parts, **kwargs})


class Parsed(html.parser.HTMLParser):
    """Tags, links, text outside scripts, and scripts of a page."""

    def __init__(self, text: str):
        super().__init__()
        self.tags, self.links, self.text, self.scripts = [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        """Record a tag and its links."""
        self.tags.append(tag)
        attrs = dict(attrs)
        self.links += [attrs[k] for k in ("href", "src") if k in attrs]

    def handle_data(self, data):
        """Record text or a script."""
        inside = self.tags[-1] if self.tags else ""
        (self.scripts if inside == "script" else self.text).append(data)

    @property
    def words(self) -> str:
        """Return all text with single spaces."""
        return " ".join(" ".join(self.text).split())

    @property
    def data(self) -> dict:
        """Return the data of the page's script."""
        return json.loads(self.scripts[0])


def without(key: str) -> list[dict]:
    """Return the classes with one column set to None."""
    return [{**row, key: None} for row in CLASSES]


def decoded(uri: str) -> Image.Image:
    """Return the image of a data URI."""
    return Image.open(io.BytesIO(base64.b64decode(uri.split(",")[1])))


HOSTILE = (
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(2)> & \"quotes\" 'too' $css",
    "\u202e\u05e9\u05dc\u05d5\u05dd\u2028 <!-- </script > <script",
)
