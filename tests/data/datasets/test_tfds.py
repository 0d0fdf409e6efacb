"""Data sets of TFDS."""

import json
import shutil
import sys

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds
from support.images import SHAPE, assert_same_inputs, picture
from support.tfds_store import store_in_tfds

from fsr_gdw_tf import InvalidInput, arrays
from fsr_gdw_tf.data import InputPipeline, ResizedCropFlip, tfds_images


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


def test_tfds_splits_may_be_sums(tmp_path):
    store_in_tfds(tmp_path)
    splits = tfds_images("shades", str(tmp_path), train_split="train[:6]+test")
    assert len(splits.train) == 12


@pytest.fixture
def store(tmp_path):
    """Where a prepared data set of 24 shades keeps its labels."""
    store_in_tfds(tmp_path, file_format="array_record")
    return tmp_path / "shades" / "1.0.0"


def shades(store, **kwargs):
    return tfds_images("shades", str(store.parents[1]), memory_gib=0, **kwargs)


def test_labels_of_tfds_are_kept_by_split_and_used(store):
    expected = np.arange(24) % 3
    np.testing.assert_array_equal(shades(store).train.labels, expected)
    file = store / "labels.train.npy"
    np.testing.assert_array_equal(np.load(file), expected)
    np.save(file, 2 - expected)
    np.testing.assert_array_equal(shades(store).train.labels, 2 - expected)
    parts = shades(store, train_split="train[:7]", test_split="train[17:]")
    np.testing.assert_array_equal(parts.train.labels, expected[:7])
    np.testing.assert_array_equal(parts.test.labels, expected[17:])
    assert len(list(store.glob("*.npy*"))) == 4


@pytest.mark.parametrize("kept", [b"", b"\x93NUMPY\1\0", b"half", None])
def test_labels_of_tfds_that_do_not_fit_are_read_again(store, kept):
    file = store / "labels.train.npy"
    np.save(file, np.zeros(23, np.int64))
    if kept is not None:
        file.write_bytes(kept)
    expected = np.arange(24) % 3
    np.testing.assert_array_equal(shades(store).train.labels, expected)
    np.testing.assert_array_equal(np.load(file), expected)


def test_labels_of_tfds_where_nothing_can_be_written(store, monkeypatch):
    def full(file, labels):
        file.write(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(np, "save", full)
    for _ in range(2):
        labels = shades(store).train.labels
        np.testing.assert_array_equal(labels, np.arange(24) % 3)
    assert not list(store.glob("*.npy*"))


def test_reading_many_labels_is_said_once(store, monkeypatch, capsys):
    module = sys.modules["fsr_gdw_tf.data.datasets.tfds"]
    monkeypatch.setattr(module, "SLOW_TO_READ", 10)
    capsys.readouterr()
    shades(store)  # 24 and 6
    said = capsys.readouterr().out
    assert said.count("\n") == 1
    assert "reading the 24 labels of split 'train'" in said
    shades(store)
    assert not capsys.readouterr().out


def store_pictures(folder, name, dtype, shape, pictures):
    features = tfds.features.FeaturesDict(
        {
            "image": tfds.features.Image(
                shape=shape,
                dtype=dtype,
                encoding_format="jpeg" if dtype == np.uint8 else "png",
            ),
            "label": tfds.features.ClassLabel(num_classes=2),
        }
    )
    examples = [
        (f"{i:03d}", {"image": image, "label": i % 2})
        for i, image in enumerate(pictures)
    ]
    tfds.dataset_builders.store_as_tfds_dataset(
        name=name,
        version="1.0.0",
        features=features,
        split_datasets={"train": examples, "test": examples[:2]},
        data_dir=str(folder),
        file_format="array_record",
        disable_shuffling=True,
    )


@pytest.mark.parametrize("channels", [1, 3])
def test_jpegs_of_tfds_look_the_same_decoded_before_or_after(
    tmp_path, channels
):
    images = [
        np.asarray(picture(i, "L" if channels == 1 else "RGB")).reshape(
            *SHAPE, channels
        )
        for i in range(12)
    ]
    store_pictures(tmp_path, "web", np.uint8, (*SHAPE, channels), images)
    files = tfds_images("web", str(tmp_path), memory_gib=0).train
    assert files.name(3) == "train 3"
    contents = [files.reader.contents(i) for i in range(12)]
    whole = [tf.io.decode_jpeg(c, channels) for c in contents]
    decoded = arrays(np.stack(whole), np.arange(12) % 2)
    assert_same_inputs(files, decoded, ResizedCropFlip(16))


def test_deep_pixels_of_tfds_are_not_read_at_random(tmp_path):
    images = [np.full((6, 6, 1), 999 * i, np.uint16) for i in range(4)]
    store_pictures(tmp_path, "deep", np.uint16, (6, 6, 1), images)
    with pytest.raises(InvalidInput, match=r"are uint16.*raise memory_gib"):
        tfds_images("deep", str(tmp_path), memory_gib=0)


def test_code_of_communities_is_not_run():
    with pytest.raises(InvalidInput, match="code of 'huggingface'"):
        tfds_images("huggingface:cifar10")
    with pytest.raises(InvalidInput, match="no name of a TFDS data set"):
        tfds_images("../harm")


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """Return a folder of prepared data, to be copied and damaged."""
    path = tmp_path_factory.mktemp("stored")
    store_in_tfds(path, n=6)
    return path


@pytest.mark.parametrize("key", ["pythonClassName", "type", "nested"])
def test_prepared_data_that_name_code_of_others_are_refused(
    key, tmp_path, monkeypatch, stored
):
    """TFDS imports the module of a feature's class."""
    (tmp_path / "harm.py").write_text("raise AssertionError('was run')\n")
    monkeypatch.syspath_prepend(tmp_path)
    shutil.copytree(stored, tmp_path, dirs_exist_ok=True)
    file = next(tmp_path.glob("shades/*/features.json"))
    content = json.loads(file.read_text())
    if key == "nested":
        content["x"] = json.dumps({"type": "harm.Feature"})
    else:
        content[key] = "harm.Feature"
    file.write_text(json.dumps(content))
    with pytest.raises(InvalidInput, match=r"names the code harm\.Feature"):
        tfds_images("shades", str(tmp_path))


@pytest.mark.parametrize("name", ["features.json", "dataset_info.json"])
def test_damaged_data_of_tfds_are_told_in_one_line(name, tmp_path, stored):
    shutil.copytree(stored, tmp_path, dirs_exist_ok=True)
    next(tmp_path.glob(f"shades/*/{name}")).write_text("{")
    with pytest.raises(InvalidInput) as error:
        tfds_images("shades", str(tmp_path))
    assert "\n" not in str(error.value)
