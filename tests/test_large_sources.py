"""WebVision, iNaturalist 2018 and Clothing1M, read as they are published."""

import json

import lookalikes
import numpy as np
import pytest
from lookalikes import paint

from fsr_gdw_tf import InvalidInput
from fsr_gdw_tf.data import (
    Resize,
    clothing1m,
    file_list,
    inaturalist_files,
    prepare,
    webvision,
)
from fsr_gdw_tf.data.file_lists import missing


@pytest.fixture
def web(tmp_path):
    lookalikes.webvision(tmp_path / "web")
    return tmp_path / "web"


@pytest.fixture
def nature(tmp_path):
    lookalikes.inaturalist_files(tmp_path)
    return tmp_path


@pytest.fixture
def clothes(tmp_path):
    lookalikes.clothing1m(tmp_path)
    return tmp_path


def assert_reads(source, rows, number=None):
    """The source holds these (path, label, shade), in this order."""
    labels = [number[label] if number else label for _, label, _ in rows]
    assert source.labels.tolist() == labels
    images = source.load(range(len(rows)), Resize(4).test)
    assert images.shape == (len(rows), 4, 4, 3)
    shades = np.array([shade for _, _, shade in rows])
    np.testing.assert_array_equal(
        images, shades[:, None, None, None] + 0 * images
    )
    for i, (path, _, _) in enumerate(rows):
        assert source.name(i).endswith(f"/{path}")


def below(rows, classes):
    return [row for row in rows if row[1] < classes]


def test_webvision_keeps_the_first_50_classes(web):
    splits = webvision(str(web))
    train, held = lookalikes.webvision_rows()
    assert (len(train), len(held)) == (120, 60)
    assert (len(splits.train), len(splits.test)) == (100, 50)
    assert_reads(splits.train, below(train, 50))
    assert_reads(splits.test, below(held, 50))
    assert "/val_images_256/" in splits.test.name(0)
    assert splits.meta is None and not splits.others


def test_all_classes_of_webvision_and_their_names(web):
    train = webvision(str(web), classes=None).train
    assert (len(train), train.classes) == (120, 60)
    assert train.class_names[:3] == [f"thing {c}, object {c}" for c in range(3)]
    # Two cranes: n01440764 + 13 label.
    assert train.class_names[3] == "crane (n01440803)"
    assert train.class_names[55] == "crane (n01441479)"


@pytest.mark.parametrize("classes", [7, None])
def test_webvision_without_names_has_numbers(web, classes):
    (web / "info" / "synsets.txt").unlink()
    splits = webvision(str(web), classes=classes)
    names = [str(c) for c in range(classes or 60)]
    assert splits.train.class_names == splits.test.class_names == names


def test_imagenet_is_a_second_test_by_wordnet_id(web, tmp_path):
    """One image a class, two of class 5; folders of other classes stay out."""
    lookalikes.imagenet(tmp_path / "imagenet")
    splits = webvision(str(web), imagenet=str(tmp_path / "imagenet"))
    other = prepare(lambda: splits, lambda source, rng: source).others
    assert list(other) == ["imagenet"]
    other = other["imagenet"]
    assert other.class_names == splits.test.class_names
    labels = sorted([*range(50), 5])
    assert other.labels.tolist() == labels
    images = other.load(range(51), Resize(4).test)
    assert images[:, 0, 0, 0].tolist() == [4 * c + 3 for c in labels]


def test_webvision_says_that_imagenet_is_left_out(web, capsys):
    webvision(str(web))
    out = capsys.readouterr().out
    assert out.count("\n") == 1 and "IMAGENET_DIR) is not set" in out


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


@pytest.mark.parametrize("lists", ["", "annotations"])
def test_clothing1m(tmp_path, lists):
    lookalikes.clothing1m(tmp_path, lists)
    splits = clothing1m(str(tmp_path))
    rows = lookalikes.clothing1m_rows()
    sizes = len(splits.train), len(splits.meta), len(splits.test)
    assert sizes == (56, 14, 14)
    assert_reads(splits.train, rows["noisy_train"])
    assert_reads(splits.meta, rows["clean_val"])
    assert_reads(splits.test, rows["clean_test"])
    assert splits.train.class_names[8] == "Down Coat"
    assert len(splits.train.class_names) == 14


@pytest.mark.parametrize(
    ("meta", "parts"),
    [
        ("clean_train", ["clean_train"]),
        ("both", ["clean_train", "clean_val"]),
    ],
)
def test_other_clean_images_of_clothing1m(clothes, meta, parts):
    rows = lookalikes.clothing1m_rows()
    expected = [row for part in parts for row in rows[part]]
    assert_reads(clothing1m(str(clothes), meta).meta, expected)


def test_files_are_decoded_beforehand_only_if_wanted(clothes):
    key = lookalikes.clothing1m_rows()["noisy_train"][3][0]
    (clothes / key).write_bytes(b"this is no image")
    assert len(clothing1m(str(clothes)).train) == 56
    train = clothing1m(str(clothes), verify=True).train
    assert len(train) == 55
    assert [path for path, _ in train.unreadable] == [str(clothes / key)]


def change_lines(file, change):
    """Rewrite a text file: `change` gets the list of its lines."""
    lines = file.read_text().splitlines()
    file.write_text("".join(f"{line}\n" for line in change(lines)))


def change_json(file, change):
    content = json.loads(file.read_text())
    change(content)
    file.write_text(json.dumps(content))


def put(line, text):
    """Line number `line` becomes `text`."""
    return lambda lines: [*lines[: line - 1], text, *lines[line:]]


TRAIN_LIST = "train_filelist_google.txt"


@pytest.mark.parametrize(
    ("file", "change", "message"),
    [
        (TRAIN_LIST, put(7, "a.jpg"), "line 7: expected a path and the number"),
        (TRAIN_LIST, put(7, "a.jpg -1"), r"line 7: .* got 'a\.jpg -1'"),
        (TRAIN_LIST, put(7, "a.jpg cat"), "line 7: expected a path and the nu"),
        (
            TRAIN_LIST,
            put(7, "a.jpg 60"),
            "line 7: label 60 is out of range; ex",
        ),
        (TRAIN_LIST, lambda _: ["a.jpg 59"], "lists no image of these classes"),
        (
            "val_filelist.txt",
            lambda lines: ["", "no 0", *lines, "none 1", "nowhere 59"],
            "val_filelist.txt, line 2: no file .*/val_images_256/no, the first "
            r"of 2 file\(s\) that do not exist; expected WebVision 1.0",
        ),
        ("synsets.txt", put(4, "a crane"), "line 4: expected a wordnet id and"),
    ],
)
def test_webvision_lists_that_cannot_be_used(web, file, change, message):
    change_lines(web / "info" / file, change)
    with pytest.raises(InvalidInput, match=message) as error:
        webvision(str(web))
    assert "\n" not in str(error.value)
    assert f"{file}" in str(error.value)


@pytest.mark.parametrize("name", [TRAIN_LIST, "val_filelist.txt"])
def test_webvision_lists_that_are_not_there(web, name):
    (web / "info" / name).unlink()
    message = rf"no such file list: '.*{name}'; expected WebVision.*ETH Zurich"
    with pytest.raises(InvalidInput, match=message):
        webvision(str(web))


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        (1, r"classes must be in \[2, 61\), got 1"),
        (61, r"classes must be in \[2, 61\), got 61"),
    ],
)
def test_more_or_fewer_classes_than_webvision_has(web, classes, message):
    with pytest.raises(InvalidInput, match=message):
        webvision(str(web), classes=classes)


@pytest.mark.parametrize("read", [webvision, inaturalist_files, clothing1m])
@pytest.mark.parametrize("root", ["", "/no/where"])
def test_a_data_folder_that_is_not_there(read, root):
    with pytest.raises(
        InvalidInput, match=f"no such data folder: '{root}'; expec"
    ):
        read(root)


def test_imagenet_that_cannot_be_used(web, tmp_path):
    folder = tmp_path / "imagenet"
    with pytest.raises(
        InvalidInput, match=r"no such data folder.*<wordnet id>"
    ):
        webvision(str(web), imagenet=str(folder))
    for c in range(50):
        (folder / lookalikes.wordnet(c)).mkdir(parents=True)
    paint(folder / lookalikes.wordnet(0) / "0.JPEG", 0)
    # n01440764 + 13.
    with pytest.raises(
        InvalidInput, match="n01440777 has no image; expected Imag"
    ):
        webvision(str(web), imagenet=str(folder))
    for c in (2, 30):
        (folder / lookalikes.wordnet(c)).rmdir()
    message = "no folder for 2 of 50 classes, the first is n01440790; expected"
    with pytest.raises(InvalidInput, match=message):
        webvision(str(web), imagenet=str(folder))
    (web / "info" / "synsets.txt").unlink()
    with pytest.raises(
        InvalidInput, match=r"said by info/synsets\.txt .* is none"
    ):
        webvision(str(web), imagenet=str(folder))


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
            r"image 1\d\d: category 3 is none of the 3 categories of train2018",
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
        InvalidInput, match=r"val2018\.json is no JSON: .* line 1"
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


CLOTHING_LISTS = [
    "noisy_train_key_list.txt",
    "clean_val_key_list.txt",
    "clean_test_key_list.txt",
    "noisy_label_kv.txt",
    "clean_label_kv.txt",
    "category_names_eng.txt",
]


@pytest.mark.parametrize("name", CLOTHING_LISTS)
def test_clothing1m_lists_that_are_not_there(clothes, name):
    (clothes / name).unlink()
    message = rf"no such file list: '.*{name}'; .*Xiao et al\..* on request"
    with pytest.raises(InvalidInput, match=message):
        clothing1m(str(clothes))


@pytest.mark.parametrize(
    ("file", "change", "message"),
    [
        (
            "noisy_label_kv",
            put(9, "images"),
            r"kv\.txt, line 9: expected a path",
        ),
        (
            "clean_label_kv",
            put(9, "images/0.jpg 14"),
            "line 9: label 14 is out",
        ),
        (
            "clean_val_key_list",
            put(3, "images/0,1.jpg"),
            r"line 3: images/0,1\.jpg has no label in .*/clean_label_kv\.txt",
        ),
        (
            "noisy_train_key_list",
            put(3, "images/0,1.jpg"),
            r"line 3: images/0,1\.jpg has no label in .*/noisy_label_kv\.txt",
        ),
        (
            "clean_test_key_list",
            lambda _: [],
            "lists no image; expected Clothi",
        ),
    ],
)
def test_clothing1m_lists_that_cannot_be_used(clothes, file, change, message):
    change_lines(clothes / f"{file}.txt", change)
    with pytest.raises(InvalidInput, match=message) as error:
        clothing1m(str(clothes))
    assert "\n" not in str(error.value)
    assert f"{file}.txt" in str(error.value)


def test_clothing1m_images_that_are_not_there(clothes):
    rows = lookalikes.clothing1m_rows()["noisy_train"]
    for position in (10, 11, 40):
        (clothes / rows[position][0]).unlink()
    message = (
        rf"noisy_train_key_list\.txt, line 11: no file .*/{rows[10][0]}, the "
        r"first of 3 file\(s\) that do not exist"
    )
    with pytest.raises(InvalidInput, match=message):
        clothing1m(str(clothes))


def test_clean_images_of_another_name(clothes):
    message = r"no clean images 'clean_vla' .*: did you mean 'clean_val'"
    with pytest.raises(InvalidInput, match=message):
        clothing1m(str(clothes), meta="clean_vla")
    message = "choose one of: both, clean_train, clean_val"
    with pytest.raises(InvalidInput, match=message):
        clothing1m(str(clothes), meta="42")


def test_each_folder_is_read_once(tmp_path, monkeypatch):
    """Files are looked up in their folder's listing, not one by one."""
    for i in range(6):
        paint(tmp_path / "ab"[i % 2] / f"{i}.png", 0)
    (tmp_path / "a" / "folder.png").mkdir()
    monkeypatch.chdir(tmp_path)
    paint(tmp_path / "7.png", 0)
    paths = [f"{tmp_path}/{'ab'[i % 2]}/{i}.png" for i in range(6)]
    paths += ["7.png", "a/9.png", "a/folder.png", "c/0.png", "a/../b/1.png"]
    asked = []
    monkeypatch.setattr(
        "os.path.isfile", lambda path: asked.append(path) and False
    )
    assert missing(paths) == [7, 8, 9]
    assert asked == ["a/9.png", "a/folder.png", "c/0.png"]


def test_a_folder_that_cannot_be_listed_is_asked_for_each_file(
    tmp_path, monkeypatch
):
    def refuse(folder):
        raise PermissionError(folder)

    paint(tmp_path / "0.png", 0)
    monkeypatch.setattr("os.scandir", refuse)
    assert missing([f"{tmp_path}/0.png", f"{tmp_path}/1.png"]) == [1]


def test_file_lists_name_the_line_of_a_missing_file(tmp_path):
    paint(tmp_path / "cat" / "0.png", 0)
    for name, text in (
        ("a.csv", "path,label\ncat/0.png,0\ncat/1.png,1\ncat/2.png,1\n"),
        ("a.txt", "\ncat/0.png 0\ncat/1.png 1\ncat/2.png 1\n"),
    ):
        (tmp_path / name).write_text(text)
        message = rf"{name}, line 3: no file .*cat/1\.png, the first of 2 file"
        with pytest.raises(InvalidInput, match=message):
            file_list(str(tmp_path / name))
