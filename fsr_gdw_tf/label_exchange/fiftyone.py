"""Folders of FiftyOne: images in data/, and labels.json.

They are FiftyOne's type FiftyOneImageClassificationDataset. What is read back
is that type or FiftyOneDataset, of which samples.json has tags as well: the
tags `keep` and `drop` are decisions.
"""

import json
from collections.abc import Iterator
from pathlib import Path

from fsr_gdw_tf.io.files import one_line_errors, write
from fsr_gdw_tf.label_exchange.answers import Answer, class_name, text
from fsr_gdw_tf.label_exchange.handover import Handover, write_images

AGAIN = "export it again"
ATTRIBUTES = ("name", "given", "suggested", "score", "reasons", "decision")
TAGS = ("keep", "drop")


def write_folder(handover: Handover) -> Path:
    """Write data/ and labels.json; return the path of the latter."""
    path, names = handover.folder / "labels.json", handover.class_names
    indices = {name: index for index, name in enumerate(names)}
    files = write_images(handover, handover.folder / "data")
    labels = {
        Path(files[row["index"]]).stem: {
            "label": indices[row["label"] or row["given"]],
            "confidence": round(1.0 - row["score"], 4),
            "attributes": {key: row[key] for key in ATTRIBUTES},
        }
        for row in handover.rows
    }
    content = {"classes": names, "labels": labels}
    write(path, json.dumps(content, indent=1) + "\n")
    return path


def read(path: Path) -> Iterator[Answer]:
    """Yield the answers in labels.json or samples.json."""
    with one_line_errors(path, AGAIN):
        content = json.loads(path.read_text(encoding="utf-8"))
        classes = content.get("classes") or []
        for name, label in content.get("labels", {}).items():
            yield name, _cells(name, label, classes)
        for number, sample in enumerate(content.get("samples", ()), 1):
            yield f"sample {number}", _sample_cells(sample)


def holds(path: Path) -> bool:
    """Return whether a file has labels or samples of FiftyOne."""
    if path.suffix.lower() != ".json":
        return False
    with one_line_errors(path, AGAIN):
        content = json.loads(path.read_text(encoding="utf-8"))
        keys = content if isinstance(content, dict) else {}
        return "labels" in keys or "samples" in keys


def _cells(name: str, label: object, classes: list[str]) -> dict:
    """Return the cells of one label in labels.json."""
    if isinstance(label, list):  # of a field of several labels
        label = label[0] if label else None
    attributes = {}
    if isinstance(label, dict):
        attributes = label.get("attributes") or {}
        label = label.get("label")
    decision = text(attributes.get("decision"))
    cells = {"label": class_name(label, classes), "decision": decision}
    return cells | {"file": name, "shown": True}


def _sample_cells(sample: dict) -> dict:
    """Return the cells of one sample in samples.json."""
    labels = [
        value
        for value in sample.values()
        if isinstance(value, dict) and value.get("_cls") == "Classification"
    ]
    if len(labels) != 1:
        raise ValueError(
            f"expected one classification of each sample, got {len(labels)}"
        )
    tags = [*(sample.get("tags") or ()), *(labels[0].get("tags") or ())]
    chosen = [tag for tag in TAGS if tag in tags]
    decision = chosen[-1] if chosen else text(labels[0].get("decision"))
    cells = {"label": text(labels[0]["label"]), "decision": decision}
    return cells | {"file": text(sample.get("filepath")), "shown": True}
