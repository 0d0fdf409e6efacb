"""Sources of what users have."""

import keras
import numpy as np
import pyarrow as pa
import pytest
from pyarrow import csv as arrow_csv
from support.data_kinds import COLUMNS, NAMES, TEXTS, HuggingFace, X, Y
from support.models import classifier
from support.tfds_store import store_in_tfds

import fsr_gdw_tf
from fsr_gdw_tf import Classifier, InvalidInput, Supervised
from fsr_gdw_tf.data import CropFlip, Identity, Resize, ResizedCropFlip

CLASSES = NAMES.tolist()


def image_model(size=6) -> Classifier:
    model = keras.Sequential(
        [
            keras.Input((size, size, 3)),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(3),
        ]
    )
    wrapped = Classifier.wrap(model, Supervised())
    wrapped.compile(keras.optimizers.SGD(1e-4))
    return wrapped


@pytest.fixture
def photos(tmp_path):
    """Return a folder of four images per class, and a list of them."""
    lines = ["path,label"]
    for k, name in enumerate(CLASSES):
        for i in range(4):
            path = tmp_path / name / f"{i}.png"
            path.parent.mkdir(exist_ok=True)
            image = np.full((7 + i, 8, 3), 60 * k, np.uint8)
            keras.utils.save_img(path, image, scale=False)
            lines.append(f"{name}/{i}.png,{name}")
    (tmp_path / "list.csv").write_text("\n".join(lines))
    return tmp_path


def test_they_are_public():
    for name in ("arrays", "csv", "dataframe", "folder", "tfds"):
        maker = getattr(fsr_gdw_tf, f"from_{name}")
        assert maker.__doc__.startswith("Return a source of ")
        assert f"from_{name}" in fsr_gdw_tf.__all__


def test_images_of_files_go_straight_into_fit(photos):
    """From a folder, a list and a table of paths: the same examples."""
    table = pa.table(
        {
            "file": [
                f"{photos}/{c}/{i}.png" for c in CLASSES for i in range(4)
            ],
            "kind": np.repeat(CLASSES, 4),
        }
    )
    view = Resize(6)
    sources = [
        fsr_gdw_tf.from_folder(photos, view=view),
        fsr_gdw_tf.from_csv(photos / "list.csv", view=view),
        fsr_gdw_tf.from_dataframe(table, "kind", "file", view=view),
    ]
    model = image_model()
    for source in sources:
        assert list(source.class_names) == CLASSES
        np.testing.assert_array_equal(source.labels, np.repeat([0, 1, 2], 4))
        model.fit(source, batch_size=4, validation_data=source, verbose=0)
        assert model.class_names == CLASSES
    assert model.optimizer.iterations == 9
    assert model.predict_labels(sources[0]).shape == (12,)


def test_images_have_a_view_unless_another_is_given(photos, tmp_path):
    folder = fsr_gdw_tf.from_folder(photos)
    assert isinstance(folder.view, ResizedCropFlip) and folder.view.size == 224
    listed = fsr_gdw_tf.from_csv(photos / "list.csv")
    assert isinstance(listed.view, ResizedCropFlip)
    store_in_tfds(tmp_path)
    tfds = fsr_gdw_tf.from_tfds("shades", "train[:12]", str(tmp_path))
    assert isinstance(tfds.view, CropFlip) and len(tfds) == 12
    assert tfds.class_names == ["a", "b", "c"]
    image_model().fit(tfds, batch_size=6, verbose=0)
    assert fsr_gdw_tf.from_arrays(X, Y).view is None


def test_the_pipelines_view_comes_before_that_of_the_source():
    source = fsr_gdw_tf.from_arrays(
        np.ones((4, 2, 2, 1)), [0, 1, 0, 1], view=Resize(3)
    )
    for view, size in ((None, 3), (Identity(), 2), (Resize(5), 5)):
        pipeline = fsr_gdw_tf.InputPipeline(2, view=view)
        for data in (pipeline.train(source, 1), pipeline.test(source)):
            assert next(iter(data))["inputs"].shape == (2, size, size, 1)
        assert pipeline.loader(source)([1], 0).shape == (1, size, size, 1)


def assert_examples(source) -> None:
    """Fail unless a source has the inputs, labels and names of classes."""
    assert list(source.class_names) == CLASSES
    np.testing.assert_array_equal(source.labels, Y)
    np.testing.assert_allclose(source.load(range(len(X))), X, 1e-6)


def assert_trains(data) -> None:
    """Fail unless training on the data knows the names of the classes."""
    model = classifier(Supervised())
    model.fit(data, verbose=0)
    assert model.class_names == CLASSES


def test_tables_of_numbers(tmp_path):
    """From Arrow, a CSV file and Hugging Face: the same as the array."""
    table = pa.table(COLUMNS | {"kind": TEXTS})
    file = tmp_path / "table.csv"
    arrow_csv.write_csv(table, file)
    for source in (
        fsr_gdw_tf.from_dataframe(table, "kind"),
        fsr_gdw_tf.from_csv(file, "kind"),
        fsr_gdw_tf.from_dataframe(HuggingFace({"x": X, "label": Y})),
        fsr_gdw_tf.from_arrays(X, TEXTS),
    ):
        assert_examples(source)
    assert_trains(source)


def test_data_sets_of_hugging_face():
    """The package's own: numbers and images, with its names of classes."""
    hub = pytest.importorskip("datasets", reason="needs datasets")
    label = hub.ClassLabel(names=CLASSES)
    data = hub.Dataset.from_dict({"x": X, "label": Y}).cast_column(
        "label", label
    )
    assert_examples(fsr_gdw_tf.from_dataframe(data))
    assert_trains(data)
    pixels = np.random.default_rng(0).integers(0, 256, (len(Y), 4, 4, 3))
    columns = {"image": list(np.uint8(pixels)), "label": Y}
    kinds = hub.Features({"image": hub.Image(), "label": label})
    images = hub.Dataset.from_dict(columns, features=kinds)
    source = fsr_gdw_tf.from_dataframe(images)
    np.testing.assert_array_equal(source.load(range(len(Y))), pixels)


def test_files_that_are_wrong(tmp_path):
    with pytest.raises(InvalidInput, match="no such file list"):
        fsr_gdw_tf.from_csv(tmp_path / "missing.csv")
    (tmp_path / "bad.csv").write_text("a,b\n1,2\n3")
    with pytest.raises(InvalidInput, match=r"bad\.csv is damaged"):
        fsr_gdw_tf.from_csv(tmp_path / "bad.csv", "a")
    table = pa.table({"file": ["x.png", "y.png"], "label": ["a", "b"]})
    with pytest.raises(InvalidInput, match=r"row 0: no file x\.png"):
        fsr_gdw_tf.from_dataframe(table, path="file")
