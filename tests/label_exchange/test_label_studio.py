"""Label Studio: tasks as it imports them, annotations as it exports them."""

import json
from xml.etree import ElementTree as Xml

import pytest
from support.exchange import CLASSES, odd_run, save_decisions, some_decisions

from fsr_gdw_tf import InvalidInput
from fsr_gdw_tf.label_exchange import label_studio
from fsr_gdw_tf.label_exchange.answers import read_choices
from fsr_gdw_tf.label_exchange.exchange import export_labels
from fsr_gdw_tf.label_quality.label_records import load_records
from fsr_gdw_tf.label_report.decisions import DROPPED


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return odd_run(tmp_path_factory.mktemp("studio"), n=40)


@pytest.fixture(scope="module")
def tasks(run):
    """The path of tasks.json, ten of them decided."""
    found = load_records(run)
    decisions = some_decisions(found.given)
    decisions[10:] = -2
    save_decisions(run, found, decisions)
    return export_labels(run, "label_studio", None, top=40).path


def annotated(*results, **more):
    """Return an annotation as Label Studio exports it."""
    shown = [
        {
            "id": "aB3",
            "from_name": name,
            "to_name": "image",
            "type": "choices",
            "origin": "manual",
            "value": {"choices": [value]},
        }
        for name, value in results
    ]
    annotation = {"id": 4, "completed_by": 1, "result": shown}
    return annotation | {"was_cancelled": False, "lead_time": 3.1} | more


def choices(run, path, content):
    path.write_text(json.dumps(content), encoding="utf-8")
    assert label_studio.holds(path)
    return read_choices(label_studio.read(path), load_records(run), str(path))


def test_tasks_have_the_image_the_prediction_and_the_decision(run, tasks):
    found = load_records(run)
    listed = json.loads(tasks.read_text(encoding="utf-8"))
    assert len(listed) == 40
    by_index = {task["data"]["index"]: task for task in listed}
    task = by_index[5]  # its name is 0/+15.png
    assert task["data"]["image"] == "/data/local-files/?d=0/%2B15.png" or (
        task["data"]["image"].endswith("/0/%2B15.png")
    )
    prediction = task["predictions"][0]
    assert prediction["result"][0]["value"]["choices"] == [
        CLASSES[found.top[5, 0]]
    ]
    assert prediction["score"] == task["data"]["score"]
    assert sum("annotations" in task for task in listed) == 8
    scores = [task["predictions"][0]["score"] for task in listed]
    assert scores == sorted(scores, reverse=True)


def test_the_labelling_interface_has_all_classes_as_they_are(tasks):
    view = Xml.parse(tasks.with_name("label_config.xml")).getroot()
    controls = {c.get("name"): c for c in view.iter("Choices")}
    values = [c.get("value") for c in controls["label"].iter("Choice")]
    assert values == CLASSES
    assert [c.get("value") for c in controls["decision"]] == ["drop"]
    assert view.find("Image").get("value") == "$image"
    shown = [
        tag.get("value") for tag in view.iter() if tag.get("toName") is None
    ]
    keys = {value[1:] for value in shown if value and value[0] == "$"}
    task = json.loads(tasks.read_text(encoding="utf-8"))[0]
    assert keys == {"image", "name", "given"} and keys <= set(task["data"])


def test_label_studio_itself_accepts_the_files(tasks):
    reason = "needs label-studio-sdk: pip install label-studio-sdk"
    sdk = pytest.importorskip("label_studio_sdk.label_interface", reason=reason)
    config = tasks.with_name("label_config.xml").read_text(encoding="utf-8")
    interface = sdk.LabelInterface(config)
    interface.validate()
    assert interface.get_control("label").labels == CLASSES
    for task in json.loads(tasks.read_text(encoding="utf-8")):
        assert interface.validate_task({"data": task["data"]})
        assert all(map(interface.validate_prediction, task["predictions"]))
        written = task.get("annotations", [])
        assert all(map(interface.validate_annotation, written))


def test_annotations_are_read_as_decisions(run, tasks, tmp_path):
    """Skipped and untouched tasks are none; drop wins over a label."""
    found = load_records(run)
    listed = json.loads(tasks.read_text(encoding="utf-8"))
    listed = {task["data"]["index"]: task for task in listed}
    for task in listed.values():
        task["annotations"] = []
    given = found.given.tolist()
    other = (found.given + 1) % len(CLASSES)
    label = [("label", CLASSES[c]) for c in given]
    changed = [("label", CLASSES[c]) for c in other]
    drop = ("decision", "drop")
    listed[0]["annotations"] = [annotated(label[0])]
    listed[1]["annotations"] = [annotated(changed[1])]
    listed[2]["annotations"] = [annotated(label[2], drop)]
    listed[3]["annotations"] = [annotated(was_cancelled=True)]
    listed[4]["annotations"] = [annotated(changed[4]), annotated(changed[4])]
    listed[5]["annotations"] = [annotated(label[5]), annotated(changed[5])]
    listed[6]["annotations"] = [annotated(label[6], was_cancelled=True)]
    listed[7]["annotations"] = [annotated(drop)]
    found = choices(run, tmp_path / "export.json", list(listed.values()))
    assert found.classes == {
        0: given[0],
        1: other[1],
        2: DROPPED,
        4: other[4],
        7: DROPPED,
    }
    assert found.disputed == [5]


def test_json_min_is_read_as_well(run, tasks, tmp_path):
    listed = json.loads(tasks.read_text(encoding="utf-8"))
    rows = [task["data"] | {"id": 1, "annotator": 1} for task in listed[:3]]
    rows[0]["label"] = rows[0]["given"]
    rows[1]["label"] = {"choices": [CLASSES[2]]}
    rows[2]["decision"] = "drop"
    found = choices(run, tmp_path / "min.json", rows).classes
    given = load_records(run).given[rows[0]["index"]]
    assert list(found.values()) == [given, 2, DROPPED]


BAD = {
    "two": (
        [
            annotated(("label", "a"))
            | {
                "result": [
                    {
                        "from_name": "label",
                        "type": "choices",
                        "value": {"choices": ["a", "b"]},
                    }
                ]
            }
        ],
        "one choice",
    ),
    "class": ([annotated(("label", "cow"))], "no class 'cow'"),
    "no result": ([{"id": 3}], "export it again as JSON"),
}


@pytest.mark.parametrize("case", BAD)
def test_annotations_that_do_not_fit_are_refused(case, run, tasks, tmp_path):
    annotations, message = BAD[case]
    task = json.loads(tasks.read_text(encoding="utf-8"))[0]
    task["annotations"] = annotations
    with pytest.raises(InvalidInput, match=message):
        choices(run, tmp_path / "export.json", [task])
