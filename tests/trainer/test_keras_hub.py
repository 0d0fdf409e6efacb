"""Tasks of KerasHub, with their preprocessor; skipped without keras-hub."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from support.keras_models import LABELS, WORDS, N

from fsr_gdw_tf import Classifier, Supervised

keras_hub = pytest.importorskip("keras_hub", reason="needs keras-hub")
PIXELS = np.random.default_rng(0).integers(0, 256, (N, 6, 6, 3)).astype("uint8")


def text_classifier() -> keras.Model:
    """Return a tiny BERT whose vocabulary are the words of the examples."""
    models = keras_hub.models
    words = sorted({w for text in WORDS for w in str(text).split()})
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *words]
    tokenizer = models.BertTokenizer(vocabulary=vocabulary)
    backbone = models.BertBackbone(
        vocabulary_size=len(vocabulary),
        num_layers=1,
        num_heads=1,
        hidden_dim=4,
        intermediate_dim=4,
        max_sequence_length=6,
        dropout=0.0,
    )
    return models.BertTextClassifier(
        backbone,
        num_classes=3,
        preprocessor=models.BertTextClassifierPreprocessor(
            tokenizer, sequence_length=6
        ),
        dropout=0.0,
    )


def image_classifier() -> keras.Model:
    """Return a tiny ResNet whose preprocessor resizes and scales pixels."""
    backbone = keras_hub.models.ResNetBackbone(
        input_conv_filters=[64],
        input_conv_kernel_sizes=[3],
        stackwise_num_filters=[64],
        stackwise_num_blocks=[1],
        stackwise_num_strides=[1],
        block_type="basic_block",
        image_shape=(8, 8, 3),
    )
    converter = keras_hub.layers.ImageConverter(
        image_size=(8, 8), scale=1 / 255, offset=-0.5
    )
    return keras_hub.models.ResNetImageClassifier(
        backbone,
        num_classes=3,
        activation="softmax",
        preprocessor=keras_hub.models.ResNetImageClassifierPreprocessor(
            image_converter=converter
        ),
    )


TASKS = {"text": (text_classifier, WORDS), "image": (image_classifier, PIXELS)}


@pytest.mark.parametrize("name", TASKS)
def test_plain_training_is_the_tasks_own_fit(name):
    build, x = TASKS[name]
    tasks = []
    for _ in range(2):
        keras.utils.set_random_seed(1)
        tasks.append(build())
    stock, ours = tasks
    loss = keras.losses.SparseCategoricalCrossentropy(name == "text")
    stock.compile(keras.optimizers.SGD(0.1), loss)
    stock.fit(x, LABELS, batch_size=N, epochs=2, verbose=0)
    model = Classifier.wrap(ours, Supervised())
    model.compile(keras.optimizers.SGD(0.1))
    model.fit(x, LABELS, batch_size=N, epochs=2, verbose=0)
    for a, b in zip(stock.weights, ours.weights, strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-4, atol=1e-5)
    outputs = stock.predict(tf.constant(x), verbose=0)
    outputs = tf.nn.softmax(outputs) if name == "text" else outputs
    found = model.predict(x, verbose=0)
    np.testing.assert_allclose(found, outputs, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("name", TASKS)
def test_the_default_trains_tasks_on_raw_inputs(name, tmp_path):
    build, x = TASKS[name]
    model = Classifier.wrap(build())
    model.compile("adam")
    data = {"validation_data": (x, LABELS), "verbose": 0}
    logs = model.fit(x, LABELS, batch_size=6, **data).history
    assert np.isfinite(logs["val_loss"]).all()
    model.save(tmp_path / "task.keras")
    loaded = keras.models.load_model(tmp_path / "task.keras")
    outputs = loaded.predict(tf.constant(x), verbose=0)
    outputs = tf.nn.softmax(outputs) if name == "text" else outputs
    found = model.predict(x, verbose=0)
    np.testing.assert_allclose(found, outputs, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("name", TASKS)
def test_gdw_trains_tasks_with_clean_inputs_and_finds_labels(name):
    build, x = TASKS[name]
    model = Classifier.wrap(build(), "gdw")
    model.compile("adam")
    before = [v.numpy() for v in model.network_variables]
    clean = x[:3], LABELS[:3]
    model.fit(x[3:], LABELS[3:], batch_size=6, meta=clean, verbose=0)
    after = [v.numpy() for v in model.network_variables]
    assert all(np.isfinite(v).all() for v in after)
    assert any((a != b).any() for a, b in zip(before, after, strict=True))
    issues = model.label_issues(threshold=0.0)
    assert all(row["given"] == str(LABELS[3:][row["index"]]) for row in issues)
    assert len(issues) > 0
