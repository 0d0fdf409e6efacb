"""WebVision and its second test set, ImageNet."""

import pytest
from support import lookalikes
from support.large_sources import assert_reads, change_lines, put
from support.lookalikes import paint

from fsr_gdw_tf import InvalidInput
from fsr_gdw_tf.data import Resize, prepare, webvision


@pytest.fixture
def web(tmp_path):
    lookalikes.webvision(tmp_path / "web")
    return tmp_path / "web"


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
        InvalidInput, match=r"needs .*info/synsets\.txt.* got no such file"
    ):
        webvision(str(web), imagenet=str(folder))
