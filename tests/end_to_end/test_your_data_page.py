"""The examples of docs/your-data.md run, one after the other."""

import keras
import numpy as np
import pytest
from support.fake_tfds import fake_cifar
from support.models import blobs
from support.pages import examples

from fsr_gdw_tf import Classifier, Supervised


def image_classifier(classes: int) -> Classifier:
    model = keras.Sequential(
        [
            keras.Input((32, 32, 3)),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(classes),
        ]
    )
    classifier = Classifier.wrap(model, Supervised())
    classifier.compile(keras.optimizers.SGD(1e-4))
    return classifier


@pytest.fixture
def files(tmp_path, monkeypatch):
    """A folder of photos and a TFDS data set where the examples look."""
    monkeypatch.chdir(tmp_path)
    fake_cifar(tmp_path / "tfds", 10, 16)
    rng = np.random.default_rng(0)
    for name in ("cat", "dog", "eel"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for i in range(4):
            image = rng.integers(0, 256, (40, 36 + i, 3))
            path = tmp_path / "photos" / name / f"{i}.jpg"
            keras.utils.save_img(path, image, scale=False)


def test_the_examples_of_your_data_run(files):
    x, y = blobs(n=24)
    names = {"x": x, "y": y, "names": np.array(["cat", "dog", "eel"])[y]}
    names |= dict(zip("abcd", x.T, strict=True))
    names |= {"images": image_classifier(10), "photos": image_classifier(3)}
    steps = []
    for block in examples("docs/your-data.md"):
        exec(block, names)
        steps.append(int(names["classifier"].optimizer.iterations))
    # 24 examples in batches of 8: 3 steps per epoch, with one or two epochs.
    # The fourth and the fifth block start with a new classifier.
    assert steps == [0, 3, 6, 6, 3, 9, 9, 9, 9]
    assert names["images"].optimizer.iterations == 2
    assert names["photos"].optimizer.iterations == 6
    assert names["photos"].class_names == ["cat", "dog", "eel"]
    # The last of them was trained on numbers.
    assert set(names["classifier"].predict_labels(x)) <= {"0", "1", "2"}
