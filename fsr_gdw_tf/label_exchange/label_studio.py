"""Tasks of Label Studio, with the suggestions as predictions.

Images are given by Label Studio's addresses of local files. Beside the tasks
stands the labelling interface, with a choice to leave an example out.
"""

import json
import os
import shlex
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote
from xml.etree import ElementTree as Xml

from fsr_gdw_tf import __version__
from fsr_gdw_tf.distribution.hosts import print_on_chief
from fsr_gdw_tf.errors import InvalidInput
from fsr_gdw_tf.io.files import one_line_errors, write
from fsr_gdw_tf.label_exchange.answers import Answer, text
from fsr_gdw_tf.label_exchange.handover import Handover, write_images

IMAGE, LABEL, DECISION, DROP = "image", "label", "decision", "drop"
AGAIN = "export it again as JSON or JSON-MIN"
KEPT = ("index", "name", "given", "suggested", "score", "reasons")


def write_tasks(handover: Handover) -> Path:
    """Write tasks.json and label_config.xml; return the path of the tasks."""
    folder, path = handover.folder, handover.folder / "tasks.json"
    if handover.paths is None:
        names = write_images(handover, folder / "images")
        files = {i: folder / "images" / name for i, name in names.items()}
        common = os.path.abspath(folder / "images")
    else:
        absolute = [os.path.abspath(path) for path in handover.paths]
        files = {row["index"]: absolute[row["index"]] for row in handover.rows}
        common = os.path.commonpath(map(os.path.dirname, absolute))
    # Label Studio serves folders below this one.
    root = os.path.dirname(common)
    tasks = [_task(row, files[row["index"]], root) for row in handover.rows]
    write(folder / "label_config.xml", label_config(handover.class_names))
    write(path, json.dumps(tasks, indent=1) + "\n")
    print_on_chief(
        f"LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT={shlex.quote(root)}, and "
        f"{shlex.quote(common)} as the project's source of local files"
    )
    return path


def label_config(class_names: list[str]) -> str:
    """Return the labelling interface: the image, its classes, and a box."""
    view = Xml.Element("View")
    Xml.SubElement(view, "Image", name=IMAGE, value="$image", zoom="true")
    # Label Studio takes all of a value that begins with $ for one key.
    Xml.SubElement(view, "Header", value="Name and label so far")
    for key in ("name", "given"):
        names = {"name": f"{key}_text", "value": f"${key}"}
        Xml.SubElement(view, "Text", names, valueType="text")
    for name, values in ((LABEL, class_names), (DECISION, [DROP])):
        attributes = {"name": name, "toName": IMAGE, "choice": "single"}
        if name == LABEL:
            attributes["showInline"] = "true"
        choices = Xml.SubElement(view, "Choices", attributes)
        for value in values:
            Xml.SubElement(choices, "Choice", value=value)
    Xml.indent(view)
    return Xml.tostring(view, encoding="unicode") + "\n"


def read(path: Path) -> Iterator[Answer]:
    """Yield the answers in an export of annotations, JSON or JSON-MIN."""
    with one_line_errors(path, AGAIN):
        tasks = json.loads(path.read_text(encoding="utf-8-sig"))
        for number, task in enumerate(tasks, 1):
            where = f"task {task.get('id', number)}"
            data = task.get("data", task)
            own = {k: text(data.get(k)) for k in ("index", "name", "given")}
            own["file"] = text(data.get(IMAGE))
            for answer in _annotations(task):
                yield where, own | answer


def holds(path: Path) -> bool:
    """Return whether a file is a list of tasks."""
    if path.suffix.lower() != ".json":
        return False
    with one_line_errors(path, AGAIN):
        content = json.loads(path.read_text(encoding="utf-8-sig"))
        return isinstance(content, list)


def _task(row: dict, file: str | Path, root: str) -> dict:
    """Return the task of one label."""
    place = Path(os.path.relpath(file, root)).as_posix()
    data = {IMAGE: f"/data/local-files/?d={quote(place)}"}
    data |= {key: row[key] for key in KEPT}
    prediction = {
        "model_version": f"fsr_gdw_tf {__version__}",
        "score": row["score"],
        "result": [_choice(LABEL, row["suggested"])],
    }
    task = {"data": data, "predictions": [prediction]}
    if row["decision"]:
        drop = row["decision"] == DROP
        chosen = (DECISION, DROP) if drop else (LABEL, row["label"])
        task["annotations"] = [{"result": [_choice(*chosen)]}]
    return task


def _choice(name: str, value: str) -> dict:
    """Return one chosen value of a control of the labelling interface."""
    return {
        "from_name": name,
        "to_name": IMAGE,
        "type": "choices",
        "value": {"choices": [value]},
    }


def _annotations(task: dict) -> Iterator[dict]:
    """Yield the label and the decision of each annotation of a task.

    Skipped tasks have none.
    """
    if "annotations" not in task:
        values = {k: task[k] for k in (LABEL, DECISION) if task.get(k)}
        if values and "data" not in task:  # JSON-MIN
            yield {k: _one(v) for k, v in values.items()}
    for annotation in task.get("annotations", ()):
        results = annotation["result"]
        if annotation.get("was_cancelled") or not results:
            continue
        yield {
            DECISION if r["from_name"] == DECISION else LABEL: _one(
                r["value"]["choices"]
            )
            for r in results
            if r["type"] == "choices"
        }


def _one(chosen: str | list | dict) -> str:
    """Return the only value that was chosen."""
    if isinstance(chosen, dict):
        chosen = chosen["choices"]
    values = [chosen] if isinstance(chosen, str) else chosen
    if len(values) != 1:
        raise InvalidInput(f"expected one choice for an image, got {values}")
    return text(values[0])
