"""Files that are found in folders of classes."""

import pytest
from support.images import encoded, picture

from fsr_gdw_tf.data.datasets.class_folders import (
    class_folders,
    find_images,
    loose_files,
    sort_out,
)
from fsr_gdw_tf.errors import InvalidInput


@pytest.fixture
def base(tmp_path):
    """A class folder with an image in a subfolder and two other files."""
    (tmp_path / "cat" / "more").mkdir(parents=True)
    (tmp_path / "cat" / "more" / "a").write_bytes(encoded(picture(1), "PNG"))
    for name in ("cat/notes.txt", "cat/.hidden", "list.csv", ".DS_Store"):
        (tmp_path / name).write_text("no image")
    (tmp_path / "dog").mkdir()
    (tmp_path / ".trash").mkdir()
    return tmp_path


def test_images_are_told_from_other_files(base):
    images, others = sort_out(base / "cat")
    assert images == [str(base / "cat" / "more" / "a")]
    assert others == [str(base / "cat" / "notes.txt")]
    assert loose_files(base) == [base / "list.csv"]
    assert class_folders(base, None) == [base / "cat", base / "dog"]


def test_what_cannot_be_used(base):
    with pytest.raises(InvalidInput, match="dog has no image; expected jpgs"):
        find_images(base / "dog", "expected jpgs")
    with pytest.raises(InvalidInput, match="training folder lacks: dog"):
        class_folders(base, ["cat", "cow"])
