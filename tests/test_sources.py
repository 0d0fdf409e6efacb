"""Every kind of data ends as labels up front and images by index."""

import numpy as np
import pytest
import tensorflow_datasets as tfds
from PIL import Image

from fsr_gdw_tf import InvalidInput, arrays
from fsr_gdw_tf.data import (
    InputPipeline,
    Resize,
    digits,
    file_list,
    folder,
    prepare,
    tfds_images,
)
from fsr_gdw_tf.data.splits import Splits


def paint(path, shade, size=(10, 12)):
    """An image of one shade of grey: what was read can be recognised."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (shade,) * 3).save(path)


@pytest.fixture
def photos(tmp_path):
    """Two classes, ten images each; shade = 10 class + number."""
    for c, name in enumerate(("cat", "dog")):
        for i in range(10):
            paint(tmp_path / name / f"{i}.png", 100 * c + 10 * i)
    return tmp_path


def test_digits_are_real_split_and_disjoint():
    splits = prepare(digits, no_corruption, meta_per_class=5)
    assert (len(splits.train), len(splits.meta)) == (1247, 50)
    assert len(splits.test) == 500
    rows = [set(s.rows) for s in (splits.train, splits.meta, splits.test)]
    assert len(rows[0] | rows[1] | rows[2]) == 1797
    np.testing.assert_array_equal(splits.meta.counts(), 5)
    assert splits.train.load([0, 1]).shape == (2, 8, 8, 1)


def no_corruption(source, rng):
    return source


def test_digits_of_another_seed_are_split_differently():
    assert (digits(seed=0).test.rows != digits(seed=1).test.rows).any()


def test_meta_set_is_taken_before_corruption():
    def all_wrong(source, rng):
        wrong = (source.labels + 1) % source.classes
        return source.relabel(wrong, source.labels)

    splits = prepare(digits, all_wrong, meta_per_class=3)
    truth = dict(zip(*whole_digits(), strict=True))
    assert all(
        truth[r] == y
        for r, y in zip(splits.meta.rows, splits.meta.labels, strict=True)
    )
    assert all(
        truth[r] != y
        for r, y in zip(splits.train.rows, splits.train.labels, strict=True)
    )


def whole_digits():
    splits = digits()
    rows = np.concatenate([splits.train.rows, splits.test.rows])
    return rows, np.concatenate([splits.train.labels, splits.test.labels])


def test_hold_out_gives_every_class_its_share():
    y = np.repeat([0, 1], [90, 10])
    source = arrays(np.zeros((100, 1)), y)
    splits = prepare(lambda: halves(source), no_corruption)
    np.testing.assert_array_equal(splits.test.counts(), [18, 2])


def halves(source):
    from fsr_gdw_tf.data.splits import hold_out

    return Splits(*hold_out(source, 20, seed=0))


def test_arrays_load_by_index_and_accept_one_hot_labels():
    x = np.arange(12.0).reshape(6, 2)
    source = arrays(x, np.eye(3)[[0, 1, 2, 2, 1, 0]])
    np.testing.assert_array_equal(source.labels, [0, 1, 2, 2, 1, 0])
    np.testing.assert_array_equal(source.load([4, 1]), x[[4, 1]])


def test_subset_renumbers_and_remembers_names():
    source = arrays(np.arange(5), [0, 1, 0, 1, 0]).subset(np.array([3, 1]))
    np.testing.assert_array_equal(source.load([0, 1]), [3, 1])
    assert [source.name(i) for i in range(2)] == ["3", "1"]


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


def store_in_tfds(tmp_path, n=24, size=6, file_format="tfrecord"):
    """A prepared TFDS data set; pixel value = 10 times the position."""
    features = tfds.features.FeaturesDict(
        {
            "image": tfds.features.Image(shape=(size, size, 3)),
            "label": tfds.features.ClassLabel(names=["a", "b", "c"]),
        }
    )
    examples = [
        (
            f"{i:04d}",
            {
                "image": np.full((size, size, 3), 10 * i, "uint8"),
                "label": i % 3,
            },
        )
        for i in range(n)
    ]
    tfds.dataset_builders.store_as_tfds_dataset(
        name="shades",
        version="1.0.0",
        features=features,
        split_datasets={"train": examples, "test": examples[:6]},
        data_dir=str(tmp_path),
        file_format=file_format,
        disable_shuffling=True,
    )


@pytest.mark.parametrize(
    ("memory", "kind"), [(1.0, "tfrecord"), (0.0, "array_record")]
)
def test_tfds_in_memory_and_on_disk_read_the_same(tmp_path, memory, kind):
    store_in_tfds(tmp_path, file_format=kind)
    train = tfds_images("shades", str(tmp_path), memory_gib=memory).train
    assert train.reader.batched == (memory > 0)
    assert train.class_names == ["a", "b", "c"]
    np.testing.assert_array_equal(train.labels, np.arange(24) % 3)
    np.testing.assert_array_equal(
        train.load([5, 0, 23])[:, 0, 0, 0], [50, 0, 230]
    )
    batch = next(iter(InputPipeline(8).train(train, epochs=1)))
    np.testing.assert_array_equal(
        batch["inputs"][:, 0, 0, 0], batch["index"] * 10
    )


def test_large_tfds_data_that_cannot_be_read_at_random(tmp_path):
    store_in_tfds(tmp_path)
    with pytest.raises(
        InvalidInput, match=r"array_record.*or raise memory_gib"
    ):
        tfds_images("shades", str(tmp_path), memory_gib=0.0)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("cifra10", "did you mean 'cifar10'"),
        ("cifar10", "point data_dir at the folder that holds cifar10/<version"),
    ],
)
def test_missing_tfds_data(tmp_path, name, message):
    with pytest.raises(InvalidInput, match=message):
        tfds_images(name, str(tmp_path), download=False)


def test_tfds_split_that_is_not_there(tmp_path):
    store_in_tfds(tmp_path)
    with pytest.raises(
        InvalidInput, match=r"no split 'tset'.*did you mean 'test'"
    ):
        tfds_images("shades", str(tmp_path), test_split="tset")


@pytest.mark.parametrize(
    ("y", "message"),
    [
        ([0, 1, 3], r"0 to 2 \(3 classes\), got 0 to 3"),
        ([-1, 0, 1], r"0 to 2 \(3 classes\), got -1 to 1"),
        ([0.5, 1.0, 2.0], "must be integers 0 to 2, got dtype float64"),
        (["a", "b", "c"], "must be integers"),
        (np.full((3, 3), 1 / 3), "take the argmax of soft targets"),
    ],
)
def test_labels_that_are_none(y, message):
    with pytest.raises(InvalidInput, match=message):
        arrays(np.zeros((3, 1)), y, class_names=list("abc"))


def test_fewer_than_two_classes():
    with pytest.raises(InvalidInput, match="at least 2 classes, got 1"):
        arrays(np.zeros((3, 1)), [0, 0, 0])


def test_a_class_without_an_example():
    source = arrays(np.zeros((3, 1)), [0, 2, 0], class_names=list("abc"))
    with pytest.raises(
        InvalidInput, match=r"no example of 1 of 3 classes \(b\)"
    ):
        prepare(lambda: Splits(source, source), no_corruption)


def test_meta_set_larger_than_a_class():
    with pytest.raises(InvalidInput, match="500 per class leaves nothing"):
        prepare(digits, no_corruption, meta_per_class=500)


def test_more_training_examples_than_there_are():
    with pytest.raises(InvalidInput, match="must be in 1 to 1297, got 9999"):
        prepare(digits, no_corruption, train_examples=9999)


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
        ("path,label\ncat/0.png,\n", "line 2: no path or no label"),
        ("label,path\n0\n", "line 2: no path or no label"),
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


def test_tfds_splits_may_be_sums(tmp_path):
    store_in_tfds(tmp_path)
    splits = tfds_images("shades", str(tmp_path), train_split="train[:6]+test")
    assert len(splits.train) == 12


def test_a_list_that_is_not_there():
    with pytest.raises(InvalidInput, match=r"no such file list: 'none\.csv'"):
        file_list("none.csv")


def test_random_access_is_repeatable(photos):
    train = folder(str(photos), test_share=0.1).train
    one = train.load([3, 3, 5], Resize(4).test)
    np.testing.assert_array_equal(one[0], one[1])
    assert one.dtype == np.uint8
