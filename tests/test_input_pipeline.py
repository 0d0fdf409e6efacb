"""Images are decoded no further than a view looks, and nobody can tell."""

import csv
import io
import subprocess
import sys
from pathlib import Path

import lookalikes
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds
from PIL import Image
from test_sources import store_in_tfds

from fsr_gdw_tf import InputPipeline, InvalidInput, arrays
from fsr_gdw_tf.data import (
    CropFlip,
    Identity,
    Resize,
    ResizedCropFlip,
    Source,
    clothing1m,
    file_list,
    folder,
    inaturalist_files,
    tfds_images,
    webvision,
)
from fsr_gdw_tf.data.augmentation import Window
from fsr_gdw_tf.data.datasets.image_files import FileReader
from fsr_gdw_tf.data.encoded import decode
from fsr_gdw_tf.data.source import join

ROOT = Path(__file__).parent.parent
SHAPE = (45, 61)  # no multiple of the blocks of a JPEG


def picture(seed=0, mode="RGB"):
    """Coarse colours and fine grain: hard for a JPEG."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (5, 7, 3)).astype(np.uint8)
    large = Image.fromarray(coarse).resize(SHAPE[::-1], Image.BICUBIC)
    noisy = np.asarray(large) + rng.normal(0, 8, (*SHAPE, 3))
    return Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8)).convert(
        mode
    )


def encoded(image, kind="JPEG", **options) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


JPEGS = {
    "4:4:4": encoded(picture(), subsampling=0, quality=95),
    "4:2:2": encoded(picture(), subsampling=1),
    "4:2:0": encoded(picture(), subsampling=2, quality=95),
    "progressive": encoded(picture(), progressive=True),
    "grayscale": encoded(picture(mode="L")),
    "CMYK": encoded(picture(mode="CMYK")),
    "more at its end": encoded(picture()) + b"\0\0\0",
}
OTHERS = {
    "PNG": encoded(picture(), "PNG"),
    "PNG with alpha": encoded(picture(mode="RGBA"), "PNG"),
    "PNG in grey": encoded(picture(mode="L"), "PNG"),
    "BMP": encoded(picture(), "BMP"),
    "GIF": encoded(picture().quantize(16), "GIF"),
}


def windows(count=40):
    """Random ones, those of one pixel and the whole image among them."""
    rng = np.random.default_rng(1)
    yield (0, 0), SHAPE
    for height, width in [(1, 1), *rng.integers(1, SHAPE, (count, 2))]:
        top = rng.integers(0, SHAPE[0] - height + 1)
        left = rng.integers(0, SHAPE[1] - width + 1)
        yield (int(top), int(left)), (int(height), int(width))


@pytest.mark.parametrize("name", [*JPEGS, *OTHERS])
def test_a_window_is_bit_for_bit_what_it_is_in_the_whole_image(name):
    contents = {**JPEGS, **OTHERS}[name]
    whole = tf.io.decode_image(contents, 3, expand_animations=False).numpy()
    for begin, extent in windows():
        place = tf.constant(begin), tf.constant(extent)
        part = decode(tf.constant(contents), lambda shape, p=place: p)
        rows = slice(begin[0], begin[0] + extent[0])
        columns = slice(begin[1], begin[1] + extent[1])
        np.testing.assert_array_equal(part, whole[rows, columns])


@pytest.mark.parametrize("name", [*JPEGS, *OTHERS])
def test_another_library_decodes_the_same_image(name):
    """Up to the arithmetic of a fast cosine transform, 12 of 255."""
    contents = {**JPEGS, **OTHERS}[name]
    known = np.asarray(Image.open(io.BytesIO(contents)).convert("RGB"))
    image = decode(tf.constant(contents)).numpy()
    np.testing.assert_allclose(
        image.astype(int), known.astype(int), atol=12 if name in JPEGS else 0
    )


@pytest.fixture
def photos(tmp_path):
    """(JPEG files as a source, the same decoded before)."""
    paths, images = [], []
    for i in range(12):
        contents = encoded(picture(i), quality=90)
        paths.append(tmp_path / f"{i}.jpg")
        paths[-1].write_bytes(contents)
        images.append(tf.io.decode_jpeg(contents, 3).numpy())
    labels = np.arange(12) % 2
    files = Source(FileReader(paths), labels, ["0", "1"])
    return files, arrays(np.stack(images), labels)


def everything(source, view, seed=4):
    """What training, tests and a dictionary see, in the order of indices."""
    pipeline = InputPipeline(4, view=view, seed=seed)
    for dataset in (pipeline.train(source, epochs=2), pipeline.test(source)):
        for batch in dataset:
            yield batch["inputs"].numpy()
    for random in (True, False):
        yield pipeline.load_inputs(source, [3, 11], epoch=1, random=random)


def assert_sees_the_same(one, other, view):
    one, other = (list(everything(source, view)) for source in (one, other))
    assert len(one) == 6 + 3 + 2
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a, b)


VIEWS = [ResizedCropFlip(16), Resize(16), CropFlip(4), Identity()]


@pytest.mark.parametrize("view", VIEWS, ids=lambda v: type(v).__name__)
def test_files_and_decoded_images_look_the_same(photos, view):
    assert_sees_the_same(*photos, view)


def test_of_a_jpeg_no_more_than_the_window_is_decoded(photos, monkeypatch):
    decoded, places = tf.image.decode_and_crop_jpeg, []

    def spied(contents, place, channels):
        places.append(place.numpy().tolist())
        return decoded(contents, place, channels)

    monkeypatch.setattr(tf.image, "decode_and_crop_jpeg", spied)
    monkeypatch.delattr(tf.io, "decode_image")
    photos[0].load_view(3, ResizedCropFlip(16))
    # 0.875 x 45 = 39 pixels about the centre, and two more on each side.
    assert places == [[1, 9, 43, 43]]
    photos[0].load_view(3, ResizedCropFlip(16), seed=tf.constant([0, 1]))
    height, width = places[1][2:]
    assert height * width < 45 * 61


class Top(Window):
    """The upper four rows."""

    def window(self, shape, seed=None):
        return tf.constant([0, 0]), tf.stack([4, shape[1]])

    def finish(self, part, seed=None):
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


@pytest.mark.parametrize("view", VIEWS[:2], ids=lambda v: type(v).__name__)
def test_a_join_of_arrays_and_files_looks_like_arrays(photos, view):
    files, decoded = photos
    few = [np.arange(0, 5), np.arange(5, 9), np.arange(9, 12)]
    parts = [files.subset(few[0]), decoded.subset(few[1])]
    # What a join numbers 0 to 11 is the same in both.
    mixed = join(join(*parts), files.subset(few[2]))
    assert_sees_the_same(mixed, decoded, view)
    other = join(decoded.subset(few[0]), files.subset(np.arange(5, 12)))
    assert_sees_the_same(other, decoded, view)


class Mean:
    """A view as a user may write it."""

    batched = False

    def train(self, x, seed):
        return tf.reduce_mean(tf.cast(x, tf.float32))

    def test(self, x):
        return -self.train(x, None)


class Darker(ResizedCropFlip):
    """Our view, with something done to the whole image before."""

    def train(self, x, seed):
        return super().train(x - tf.reduce_min(x), seed)


def test_views_that_look_at_the_whole_image_get_it(photos):
    files, decoded = photos
    means = decoded.load(range(12)).mean((1, 2, 3))
    pipeline = InputPipeline(12, view=Mean(), shuffle=False)
    batch = next(iter(pipeline.train(files, epochs=1)))
    np.testing.assert_allclose(batch["inputs"], means, rtol=1e-5)
    batch = next(iter(pipeline.test(files)))
    np.testing.assert_allclose(batch["inputs"], -means, rtol=1e-5)
    assert_sees_the_same(files, decoded, Darker(16))


def test_resizing_keeps_fractions():
    x = np.random.default_rng(0).uniform(-1, 1, (4, 8, 8, 3)).astype("float32")
    seen = arrays(x, [0, 1, 0, 1]).load([0, 2], Resize(4).test)
    # Half the size: each pixel is the mean of four.
    means = x[[0, 2]].reshape(2, 4, 2, 4, 2, 3).mean((2, 4))
    np.testing.assert_allclose(seen, means, atol=1e-6)


def test_cached_files_are_read_once_and_give_the_same_batches(photos):
    files, decoded = photos
    kept = Source(FileReader(files.reader.paths, True), files.labels, "ab")
    for path in files.reader.paths:
        Path(path).unlink()
    assert_sees_the_same(kept, decoded, ResizedCropFlip(16))


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
    message = r"take .*e-0\d GiB as files, more than the 1e-09.*set cache \(CAC"
    with pytest.raises(InvalidInput, match=message):
        LOADERS[name](str(tmp_path), cache=1e-9)


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
    monkeypatch.setattr(module, "MANY", 10)
    capsys.readouterr()
    shades(store)  # 24 and 6
    said = capsys.readouterr().out
    assert said.count("\n") == 1
    assert "reading the 24 labels of 'train'" in said
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
    assert_sees_the_same(files, decoded, ResizedCropFlip(16))


def test_deep_pixels_of_tfds_are_not_read_at_random(tmp_path):
    images = [np.full((6, 6, 1), 999 * i, np.uint16) for i in range(4)]
    store_pictures(tmp_path, "deep", np.uint16, (6, 6, 1), images)
    with pytest.raises(InvalidInput, match=r"are uint16.*raise memory_gib"):
        tfds_images("deep", str(tmp_path), memory_gib=0)


@pytest.mark.slow
@pytest.mark.parametrize("flag", ["--cached", "--nocached"])
def test_the_benchmark_measures_all_pipelines(tmp_path, flag):
    file = tmp_path / "speed.csv"
    small = ("--images=8", "--batch=4", "--size=16", "--rounds=1", "--epochs=1")
    script = ROOT / "benchmarks" / "input_pipeline.py"
    ended = subprocess.run(
        [sys.executable, script, *small, flag, f"--csv={file}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    with file.open() as lines:
        rows = {row["pipeline"]: row for row in csv.DictReader(lines)}
    assert list(rows) == ["ours", "window", "whole"]
    speed = {name: float(row["images_per_s"]) for name, row in rows.items()}
    assert min(speed.values()) > 0
    for name, row in rows.items():
        ratio = speed["ours"] / speed[name]
        assert float(row["ours_relative"]) == pytest.approx(ratio, abs=0.01)


def test_a_benchmark_of_too_few_images_ends_in_one_line():
    script = ROOT / "benchmarks" / "input_pipeline.py"
    ended = subprocess.run(
        [sys.executable, script, "--images=8", "--epochs=1"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 2 and "Traceback" not in ended.stderr
    assert "a round needs 2 batches or more, got 8 images" in ended.stderr
