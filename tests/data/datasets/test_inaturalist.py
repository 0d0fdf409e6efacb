"""iNaturalist 2018."""

import json

import pytest
from support import lookalikes
from support.large_sources import assert_reads

from fsr_gdw_tf import InvalidInput
from fsr_gdw_tf.data import inaturalist_files


@pytest.fixture
def nature(tmp_path):
    lookalikes.inaturalist_files(tmp_path)
    return tmp_path


def test_inaturalist(nature):
    splits = inaturalist_files(str(nature))
    train, held = lookalikes.inaturalist_rows()
    assert (len(splits.train), len(splits.test)) == (18, 6)
    number = {2: 0, 7: 1, 40: 2}
    assert_reads(splits.train, train, number)
    assert_reads(splits.test, held, number)
    names = ["Pinus nigra", "Turdus merula", "Bufo bufo"]
    assert splits.train.class_names == splits.test.class_names == names


def test_inaturalist_classes_without_a_name_go_by_their_number(nature):
    def forget(content):
        for category in content["categories"]:
            del category["name"]

    change_json(nature / "train2018.json", forget)
    names = inaturalist_files(str(nature)).test.class_names
    assert names == ["2", "7", "40"]


def change_json(file, change):
    content = json.loads(file.read_text())
    change(content)
    file.write_text(json.dumps(content))


def without(part):
    return lambda content: content.pop(part)


def entry(part, position, **fields):
    """Entry number `position` of a list gets other fields."""

    def change(content):
        content[part][position].update(fields)

    return change


def lost_files(content):
    for i in (4, 9):
        content["images"][i]["file_name"] = f"train_val2018/{i}.jpg"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (without("images"), "has no list 'images'; expected iNaturalist 2018"),
        (without("annotations"), "has no list 'annotations'"),
        (without("categories"), "has no list 'categories'"),
        (
            lambda content: content["images"][3].pop("file_name"),
            "entry 3 of 'images': expected 'file_name', got {'id': 103}",
        ),
        (
            lambda content: content["annotations"].insert(2, 5),
            "entry 2 of 'annotations': expected 'image_id', got 5",
        ),
        (entry("images", 3, id=99), "image 99: .* got only one of them"),
        (
            lambda content: content["annotations"].pop(),
            r"image 1\d\d: .* got only one of them",
        ),
        (
            entry("annotations", 0, category_id=3),
            r"image 1\d\d: category 3 is not one of the 3 categories of trai",
        ),
        (
            lost_files,
            r"train2018\.json, image 104: no file .*/4\.jpg, the first of 2 f",
        ),
    ],
)
def test_inaturalist_files_that_cannot_be_used(nature, change, message):
    change_json(nature / "train2018.json", change)
    with pytest.raises(InvalidInput, match=message) as error:
        inaturalist_files(str(nature))
    assert "\n" not in str(error.value)


def test_inaturalist_files_that_are_no_json(nature):
    (nature / "val2018.json").write_text('{"images": [')
    with pytest.raises(
        InvalidInput, match=r"val2018\.json is not valid JSON: .* line 1"
    ):
        inaturalist_files(str(nature))
    (nature / "val2018.json").write_text("[]")
    with pytest.raises(
        InvalidInput, match=r"val2018\.json has no list 'images'"
    ):
        inaturalist_files(str(nature))
    (nature / "val2018.json").unlink()
    with pytest.raises(
        InvalidInput, match=r"no such file list: '.*val2018\.json'"
    ):
        inaturalist_files(str(nature))
