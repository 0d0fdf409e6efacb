"""FiftyOne: a folder as it imports it, labels and tags as it exports them."""

import json

import pytest
from support.exchange import CLASSES, odd_run

from fsr_gdw_tf import InvalidInput
from fsr_gdw_tf.label_exchange import fiftyone
from fsr_gdw_tf.label_exchange.answers import read_choices
from fsr_gdw_tf.label_exchange.exchange import export_labels
from fsr_gdw_tf.label_exchange.handover import file_stem
from fsr_gdw_tf.label_quality.label_records import load_records
from fsr_gdw_tf.label_report.decisions import DROPPED


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return odd_run(tmp_path_factory.mktemp("fiftyone"), n=12)


def choices(run, path, content):
    path.write_text(json.dumps(content), encoding="utf-8")
    assert fiftyone.holds(path)
    return read_choices(fiftyone.read(path), load_records(run), "f").classes


def test_each_image_has_its_label_and_where_it_comes_from(run):
    found = load_records(run)
    path = export_labels(run, "fiftyone", None, top=12).path
    content = json.loads(path.read_text(encoding="utf-8"))
    assert content["classes"] == CLASSES
    images = {p.stem: p for p in (path.parent / "data").iterdir()}
    assert set(images) == set(content["labels"])
    label = content["labels"][file_stem(found, 5)]
    assert label["label"] == found.given[5]
    attributes = label["attributes"]
    assert attributes["name"] == found.names[5]
    assert attributes["given"] == CLASSES[found.given[5]]
    assert label["confidence"] == pytest.approx(1 - attributes["score"])
    # Copied byte for byte: from photos/0/+15.png.
    original = run.path.parent / "photos" / found.names[5]
    assert images[file_stem(found, 5)].read_bytes() == original.read_bytes()


def test_labels_are_read_with_and_without_attributes_and_classes(run, tmp_path):
    found = load_records(run)
    given = found.given.tolist()
    other = [(c + 1) % len(CLASSES) for c in given]
    keep = {"decision": "keep"}
    drop = {"label": CLASSES[given[4]], "attributes": {"decision": "drop"}}
    labels = {
        0: CLASSES[other[0]],
        1: {"label": CLASSES[other[1]]},
        2: {"label": CLASSES[given[2]], "attributes": keep},
        3: CLASSES[given[3]],
        4: drop,
        5: None,
        6: [{"label": CLASSES[other[6]]}],
    }
    labels = {file_stem(found, i): label for i, label in labels.items()}
    content = {"classes": None, "labels": labels}
    read = choices(run, tmp_path / "labels.json", content)
    expected = {0: other[0], 1: other[1], 2: given[2], 4: DROPPED, 6: other[6]}
    assert read == expected
    stem = file_stem(found, 7)
    content = {"classes": CLASSES, "labels": {stem: {"label": other[7]}}}
    assert choices(run, tmp_path / "labels.json", content) == {7: other[7]}


def test_tags_of_samples_are_decisions(run, tmp_path):
    found = load_records(run)
    given = [CLASSES[c] for c in found.given]

    def sample(i, label, tags=(), label_tags=()):
        truth = {"_cls": "Classification", "label": label}
        return {
            "filepath": f"data/{file_stem(found, i)}.png",
            "tags": list(tags),
            "ground_truth": truth | {"tags": list(label_tags)},
            "metadata": {"_cls": "ImageMetadata"},
        }

    other = CLASSES[(found.given[1] + 1) % len(CLASSES)]
    samples = [
        sample(0, given[0], ["keep"]),
        sample(1, other),
        sample(2, given[2], ["best", "drop"]),
        sample(3, given[3], ["best"]),
        sample(4, given[4], label_tags=["drop"]),
    ]
    found = choices(run, tmp_path / "samples.json", {"samples": samples})
    assert found == {
        0: CLASSES.index(given[0]),
        1: CLASSES.index(other),
        2: DROPPED,
        4: DROPPED,
    }


def test_images_of_another_run_are_refused(run, tmp_path):
    content = {"labels": {"0000001-0123456789ab": "a"}}
    with pytest.raises(InvalidInput, match="of another run"):
        choices(run, tmp_path / "labels.json", content)
    with pytest.raises(InvalidInput, match="it has no given"):
        choices(run, tmp_path / "labels.json", {"labels": {"cat7": "a"}})


@pytest.mark.parametrize("options", [{}, {"include_attributes": None}])
def test_fiftyone_itself_reads_and_writes_the_folder(options, run, tmp_path):
    """With its own importer and exporter, which need no database."""
    reason = "needs fiftyone: pip install fiftyone"
    fo = pytest.importorskip("fiftyone.utils.data", reason=reason)
    path = export_labels(run, "fiftyone", None, top=12).path
    folder, found = str(path.parent), load_records(run)
    back = str(tmp_path / "back")
    importer = fo.FiftyOneImageClassificationDatasetImporter(folder)
    exporter = fo.FiftyOneImageClassificationDatasetExporter(back, **options)
    labels = []
    with importer, exporter:
        for image, _, label in importer:
            labels.append(label.label)
            if file_stem(found, 5) in image:
                label.label = CLASSES[found.given[5] - 1]
            exporter.export_sample(image, label)
    assert labels == [CLASSES[c] for c in found.given]
    answers = fiftyone.read(tmp_path / "back" / "labels.json")
    expected = {5: (found.given[5] - 1) % len(CLASSES)}
    assert read_choices(answers, found, "f").classes == expected
