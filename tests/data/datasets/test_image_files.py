"""Folders and lists of image files."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from support import lookalikes
from support.images import assert_same_inputs, encoded, picture
from support.lookalikes import paint

from fsr_gdw_tf import InputPipeline, InvalidInput
from fsr_gdw_tf.data import (
    Resize,
    ResizedCropFlip,
    Source,
    clothing1m,
    file_list,
    folder,
    inaturalist_files,
    webvision,
)
from fsr_gdw_tf.data.augmentation import CropView
from fsr_gdw_tf.data.file_reader import FileReader


@pytest.fixture
def photos(tmp_path):
    """Two classes, ten images each; shade = 10 class + number."""
    for c, name in enumerate(("cat", "dog")):
        for i in range(10):
            paint(tmp_path / name / f"{i}.png", 100 * c + 10 * i)
    return tmp_path


def test_folder_of_images(photos):
    splits = folder(str(photos), test_share=0.2)
    assert (len(splits.train), len(splits.test)) == (16, 4)
    assert splits.train.class_names == ["cat", "dog"]
    view = Resize(4)
    for source in (splits.train, splits.test):
        for i in range(len(source)):
            path = source.name(i)
            shade = 100 * ("dog" in path) + 10 * int(path[-5])
            image = source.load([i], view.test)[0]
            assert image.shape == (4, 4, 3) and (image == shade).all()
            assert source.labels[i] == ("dog" in path)


def test_folder_with_train_and_val(tmp_path):
    for part in ("train", "val"):
        for name in ("cat", "dog"):
            paint(tmp_path / part / name / "0.jpg", 50)
    splits = folder(str(tmp_path))
    assert (len(splits.train), len(splits.test)) == (2, 2)
    assert "val" in splits.test.name(0)


def test_undecodable_images_are_left_out_and_listed(photos):
    (photos / "cat" / "broken.jpg").write_bytes(b"this is no image")
    whole = (photos / "cat" / "1.png").read_bytes()
    (photos / "dog" / "half.png").write_bytes(whole[: len(whole) // 2])
    train = folder(str(photos), test_share=0.1).train
    lost = {path.rsplit("/", 1)[1] for path, _ in train.unreadable}
    assert lost == {"broken.jpg", "half.png"}
    assert all(reason for _, reason in train.unreadable)


def test_every_image_is_used_and_every_other_file_is_listed(photos):
    for name, contents in {
        "a.webp": encoded(picture(1), "WEBP"),
        "b.TIF": encoded(picture(2), "TIFF"),
        "c": encoded(picture(3), "PNG"),  # no suffix
        "d.dat": encoded(picture(4)),
        "notes.txt": b"this is no image",
        ".DS_Store": b"of a file manager",
    }.items():
        (photos / "cat" / name).write_bytes(contents)
    (photos / "labels.csv").write_text("path,label\n")
    splits = folder(str(photos), test_share=0.1)
    assert len(splits.train) + len(splits.test) == 20 + 4
    for source in (splits.train, splits.test):
        assert [(Path(p).name, r) for p, r in source.unreadable] == [
            ("labels.csv", "it is not in the folder of a class"),
            ("notes.txt", "it is no image"),
        ]


@pytest.mark.parametrize("kind", ["csv", "txt"])
def test_file_lists(photos, kind):
    lines = [f"{c}/{i}.png" for c in ("cat", "dog") for i in range(10)]
    if kind == "csv":
        text = "label,path\n" + "".join(f"{p[:3]},{p}\n" for p in lines)
    else:
        text = "".join(f"{p} {int('dog' in p)}\n" for p in lines)
    file = photos / f"list.{kind}"
    file.write_text(text)
    few = photos / f"few.{kind}"
    few.write_text("".join(text.splitlines(keepends=True)[:5]))
    splits = file_list(str(file), test_list=str(file), meta_list=str(few))
    names = ["cat", "dog"] if kind == "csv" else ["0", "1"]
    assert splits.train.class_names == names
    np.testing.assert_array_equal(splits.train.labels, [0] * 10 + [1] * 10)
    assert splits.test.load([13], Resize(2).test)[0, 0, 0, 0] == 130
    # A CSV's first line has no image.
    assert splits.meta.labels.tolist() == [0] * (4 if kind == "csv" else 5)


def test_clean_images_are_in_a_folder_of_their_own(photos, tmp_path_factory):
    """Named, or `meta` beside `train`."""
    root = tmp_path_factory.mktemp("root")
    for name in ("cat", "dog"):
        paint(root / "meta" / name / "a.png", 7)
    splits = folder(str(photos), meta_root=str(root / "meta"))
    assert splits.meta.labels.tolist() == [0, 1]
    assert folder(str(photos)).meta is None
    shutil.copytree(photos, root / "train")
    splits = folder(str(root))
    assert splits.meta.class_names == splits.train.class_names
    assert len(splits.meta) == 2
    assert len(splits.train) + len(splits.test) == 20
    (root / "meta" / "dog").rename(root / "meta" / "cow")
    with pytest.raises(InvalidInput, match="training folder lacks: cow"):
        folder(str(root))


def test_folders_that_cannot_be_used(tmp_path):
    with pytest.raises(
        InvalidInput, match=r"no such data folder.*<root>/<class"
    ):
        folder(str(tmp_path / "none"))
    with pytest.raises(
        InvalidInput, match=r"0 class folder\(s\).*expected <root>"
    ):
        folder(str(tmp_path))
    paint(tmp_path / "cat" / "0.png", 0)
    with pytest.raises(InvalidInput, match=r"1 class folder\(s\), at least 2"):
        folder(str(tmp_path))
    (tmp_path / "dog").mkdir()
    with pytest.raises(InvalidInput, match="dog has no image"):
        folder(str(tmp_path))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file,label\ncat/0.png,0\n", "no column path; expected path,label"),
        ("path,class\ncat/0.png,0\n", "no column label"),
        ("path,label\ncat/0.png,0\nno.png,1\n", r"1 file\(s\) that do not"),
        ("path,label\ncat/0.png,-1\n", "line 2: label -1 is out of range"),
        ("path,label\ncat/0.png,\n", "line 2: path or label missing"),
        ("label,path\n0\n", "line 2: path or label missing"),
        ("path,label\n", "lists no image"),
    ],
)
def test_lists_that_cannot_be_used(photos, text, message):
    file = photos / "list.csv"
    file.write_text(text)
    with pytest.raises(InvalidInput, match=message):
        file_list(str(file))


def test_lists_as_spreadsheets_write_them(photos):
    rows = "".join(f"{c}/{i}.png,{c}\n" for c in ("cat", "dog") for i in (1, 2))
    file = photos / "list.csv"
    file.write_text("path,label\n" + rows, encoding="utf-8-sig")
    assert len(file_list(str(file), test_list=str(file)).train) == 4
    file.write_bytes(b"path,label\ncat/1.png,caf\xe9\n")
    with pytest.raises(InvalidInput, match="is not UTF-8"):
        file_list(str(file))


def test_a_list_that_is_not_there():
    with pytest.raises(InvalidInput, match=r"no such file list: 'none\.csv'"):
        file_list("none.csv")


def test_random_access_is_repeatable(photos):
    train = folder(str(photos), test_share=0.1).train
    one = train.load([3, 3, 5], Resize(4).test)
    np.testing.assert_array_equal(one[0], one[1])
    assert one.dtype == np.uint8


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


class Top(CropView):
    """The upper four rows."""

    def crop_box(self, shape, seed=None):
        return tf.constant([0, 0]), tf.stack([4, shape[1]])

    def process_crop(self, part, seed=None):
        return part


def test_a_file_that_breaks_off_stops_the_run_wherever_the_window_is(tmp_path):
    whole = encoded(picture())
    for name, contents in {
        "whole": whole,
        "short": whole[:-200],  # the upper rows are there
        "text": b"this is no image",
        "empty": b"",
    }.items():
        (tmp_path / name).write_bytes(contents)
        files = Source(FileReader([tmp_path / name] * 2), [0, 1], ["a", "b"])
        for dataset in (
            InputPipeline(2, view=Top()).train(files, epochs=1),
            InputPipeline(2, view=Top()).test(files),
        ):
            if name == "whole":
                assert next(iter(dataset))["inputs"].shape == (2, 4, 61, 3)
                continue
            with pytest.raises(tf.errors.InvalidArgumentError):
                next(iter(dataset))


@pytest.mark.parametrize("cache", [False, True])
def test_undecodable_files_are_left_out_cached_or_not(tmp_path, cache):
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        for i in range(3):
            picture(i).save(tmp_path / name / f"{i}.jpg")
    (tmp_path / "cat" / "1.jpg").write_bytes(encoded(picture())[:900])
    train = folder(str(tmp_path), test_root=str(tmp_path), cache=cache).train
    assert [path for path, _ in train.unreadable] == [
        str(tmp_path / "cat" / "1.jpg")
    ]
    names = [Path(train.name(i)) for i in range(len(train))]
    assert [f"{p.parent.name}{p.stem}" for p in names] == [
        *("cat0", "cat2"),
        *("dog0", "dog1", "dog2"),
    ]
    assert train.labels.tolist() == [0, 0, 1, 1, 1]


def test_cached_files_are_read_once_and_give_the_same_batches(jpegs):
    files, decoded = jpegs
    kept = Source(FileReader(files.reader.paths, True), files.labels, "ab")
    for path in files.reader.paths:
        Path(path).unlink()
    assert_same_inputs(kept, decoded, ResizedCropFlip(16))


def list_of_files(root, **kwargs):
    lookalikes.webvision(Path(root))
    lines = sorted(Path(root).glob("google/*/*.jpg"))
    text = "".join(f"{path},{i % 2}\n" for i, path in enumerate(lines))
    (Path(root) / "list.csv").write_text("path,label\n" + text)
    return file_list(f"{root}/list.csv", **kwargs)


def published(make, load):
    def both(root, **kwargs):
        make(Path(root))
        return load(root, **kwargs)

    return both


LOADERS = {
    "file_list": list_of_files,
    "folder": published(lookalikes.imagenet, folder),
    "webvision": published(lookalikes.webvision, webvision),
    "clothing1m": published(lookalikes.clothing1m, clothing1m),
    "inaturalist": published(lookalikes.inaturalist_files, inaturalist_files),
}


@pytest.mark.parametrize("name", LOADERS)
def test_files_too_large_to_be_kept_are_refused_with_the_figure(tmp_path, name):
    message = r"take .*e-0\d GiB, more than the 1e-09 GiB.*set cache \(CACHE"
    with pytest.raises(InvalidInput, match=message):
        LOADERS[name](str(tmp_path), cache=1e-9)
