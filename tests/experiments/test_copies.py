"""Copies of images are told: with other labels, and across train and test."""

import shutil

import pytest
from support.images import picture

from fsr_gdw_tf.data import folder
from fsr_gdw_tf.experiments.copies import examples_of, find_copies, messages


@pytest.fixture
def photos(tmp_path):
    """Six different images, train and test, of two classes."""
    train = ("train/cat/0", "train/cat/1", "train/dog/2", "train/dog/3")
    for number, place in enumerate((*train, "test/cat/4", "test/dog/5")):
        path = tmp_path / f"{place}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        picture(number).resize((64, 48)).save(path)
    return tmp_path


def copies(photos):
    return find_copies(examples_of(folder(str(photos))))


def test_different_images_are_no_copies(photos):
    found = copies(photos)
    assert found.rows() == [] and messages(found) == []


def test_identical_files_of_two_labels_are_a_conflict(photos):
    shutil.copy(photos / "train/cat/0.png", photos / "train/dog/copy.png")
    shutil.copy(photos / "train/cat/1.png", photos / "train/cat/copy.png")
    found = copies(photos)
    assert len(found.identical) == 2 and not found.similar
    ((one, other),) = found.conflicts
    assert one.path == str(photos / "train/cat/0.png") and one.label == "cat"
    assert other.path.endswith("dog/copy.png") and other.label == "dog"
    (line,) = messages(found)
    assert line.startswith("1 group(s) of identical files have different lab")
    assert [row["group"] for row in found.rows()] == [1, 1, 2, 2]


def test_a_test_image_in_the_training_set_is_a_leak(photos):
    shutil.copy(photos / "train/cat/0.png", photos / "test/cat/leak.png")
    (line,) = messages(copies(photos))
    assert "of 1 test image(s) there are identical ones in the train" in line
    assert str(photos / "test/cat/leak.png") in line


def test_a_compressed_copy_across_the_splits_is_a_warning(photos):
    image = picture(2).resize((64, 48)).resize((128, 96))
    image.save(photos / "test/dog/large.jpg", quality=80)
    found = copies(photos)
    assert not found.identical and len(found.similar) == 1
    (line,) = messages(found)
    assert line.startswith("warning: of 1 test image(s) there are similar")
    kinds = {(row["kind"], row["split"]) for row in found.rows()}
    assert kinds == {("similar", "train"), ("similar", "test")}


def test_without_decoding_identical_files_are_found_still(photos):
    shutil.copy(photos / "train/cat/0.png", photos / "train/dog/copy.png")
    splits = folder(str(photos), verify=False)
    assert len(find_copies(examples_of(splits)).conflicts) == 1
