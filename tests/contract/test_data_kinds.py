"""Every kind of data trains every method, with a number for each example."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf
from support.data_kinds import BATCH, KINDS, NAMES, STEPS, TEXTS, X, Y, slices
from support.models import blobs

from fsr_gdw_tf import FSR, GDW, Classifier, Supervised
from fsr_gdw_tf.methods.default import default_parts

METHODS = {
    "fsr": lambda: {"method": FSR()},
    "gdw": lambda: {"method": GDW()},
    "default": default_parts,
}
IN_ORDER = [name for name, kind in KINDS.items() if kind.in_order]


def compiled(model, **kwargs):
    model.compile(keras.optimizers.SGD(0.1), **kwargs)
    return model


def network() -> keras.Model:
    """Return the same network in each call."""
    keras.utils.set_random_seed(1)
    return keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(5, "tanh"),
            keras.layers.Dense(3, "softmax"),
        ]
    )


@functools.cache
def weights_of_keras() -> list[np.ndarray]:
    """Return the weights after three steps of plain Keras, in float64."""
    stock = compiled(
        network(), loss="sparse_categorical_crossentropy", run_eagerly=True
    )
    stock.fit(slices(X, Y).batch(BATCH), shuffle=False, verbose=0)
    return stock.get_weights()


@pytest.mark.parametrize("name", IN_ORDER)
def test_plain_training_is_that_of_keras(name, double):
    kind, ours = KINDS[name], network()
    wrapped = compiled(Classifier.wrap(ours, Supervised()), run_eagerly=True)
    wrapped.fit(*kind.make(), shuffle=False, verbose=0, **kind.others)
    assert wrapped.optimizer.iterations == STEPS
    for a, b in zip(weights_of_keras(), ours.get_weights(), strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-6, atol=1e-12)


def test_a_loader_of_pytorch_trains_as_keras_does(double):
    """The package's own; "loader" above is a stand-in."""
    torch = pytest.importorskip("torch.utils.data", reason="needs PyTorch")
    tensor = pytest.importorskip("torch").from_numpy
    examples = torch.TensorDataset(tensor(X), tensor(Y))
    ours = network()
    wrapped = compiled(Classifier.wrap(ours, Supervised()), run_eagerly=True)
    wrapped.fit(torch.DataLoader(examples, BATCH), shuffle=False, verbose=0)
    for a, b in zip(weights_of_keras(), ours.get_weights(), strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-6, atol=1e-12)


@functools.cache
def classifier(method: str, in_order: bool, names: bool) -> Classifier:
    """Return a classifier that the kinds of the same examples share.

    Its attribute `traces` counts how often the step is traced.
    """
    model = compiled(Classifier.wrap(network(), **METHODS[method]()))
    step, model.traces = model.train_step, 0

    def counted(batch):
        model.traces += 1
        return step(batch)

    model.train_step = counted
    return model


@functools.cache
def trained() -> Classifier:
    """Return a classifier that has only been built."""
    model = Classifier.wrap(network(), Supervised())
    model.names_of_classes = tuple(NAMES)
    return compiled(model, run_eagerly=True)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", KINDS)
def test_every_method_trains_and_traces_once(name, method):
    kind = KINDS[name]
    model = classifier(method, kind.in_order or name, kind.names)
    before = model.traces
    meta = {"meta": blobs(n=6, seed=7)} if method == "gdw" else {}
    logs = model.fit(
        *kind.make(), epochs=2, verbose=0, shuffle=False, **kind.others, **meta
    ).history
    assert np.isfinite(logs["loss"]).all()
    assert model.traces - before <= 1, "six steps"
    expected = NAMES.tolist() if kind.names else ["0", "1", "2"]
    assert model.class_names == expected
    columns = model.training_dynamics.example_columns(model, None)
    assert (columns["visits"] > 0).all(), "each example has its own row"
    if kind.in_order:
        issues = model.label_issues(threshold=0.0)
        assert [expected[Y[row["index"]]] for row in issues] == [
            row["given"] for row in issues
        ]


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_is_tested_and_predicted(name):
    """The same figures as for arrays."""
    kind, model = KINDS[name], trained()
    size = {} if "steps_per_epoch" in kind.others else kind.others
    steps = {"steps": STEPS} if "steps_per_epoch" in kind.others else {}
    found = model.evaluate(*kind.make(), verbose=0, **size, **steps)
    np.testing.assert_allclose(found, model.evaluate(X, Y, verbose=0), 1e-5)
    inputs = kind.make()[0]
    if name == "frame":
        inputs = type(inputs)({k: inputs[k] for k in inputs.columns[:4]})
    if name == "other columns":
        inputs = inputs.map(lambda columns: columns["x"])
    probs = model.predict(inputs, verbose=0, **size, **steps)
    expected = model.network.predict(X, verbose=0)
    if not kind.in_order:
        probs, expected = (np.sort(p, axis=0) for p in (probs, expected))
    np.testing.assert_allclose(probs, expected, rtol=1e-5, atol=1e-6)


def test_validation_data_of_another_kind():
    model = compiled(Classifier.wrap(network(), Supervised()))
    data = slices(X, TEXTS).batch(BATCH)
    logs = model.fit(X, TEXTS, validation_data=data, verbose=0).history
    expected = model.evaluate(X, TEXTS, verbose=0, return_dict=True)
    np.testing.assert_allclose(logs["val_loss"], [expected["loss"]], 1e-5)
    assert set(model.predict_labels(X)) <= set(NAMES)


def test_booleans_are_two_classes():
    """Of a network with one output, the sigmoid of False and True."""
    model = keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(1, "sigmoid")]
    )
    wrapped = compiled(Classifier.wrap(model, Supervised()))
    wrapped.fit(X, Y > 0, batch_size=BATCH, epochs=20, verbose=0)
    assert wrapped.class_names == ["False", "True"]
    found = wrapped.predict_labels(X) == "True"
    assert (found == (Y > 0)).mean() > 0.9
    data = slices(X, Y > 0).batch(BATCH)
    accuracy = wrapped.evaluate(data, verbose=0, return_dict=True)["accuracy"]
    np.testing.assert_allclose(accuracy, (found == (Y > 0)).mean(), 1e-6)


def test_examples_are_told_from_batches():
    """One-hot labels of single examples, and columns of a batch."""
    model = compiled(Classifier.wrap(network(), Supervised()))
    one_hot = np.eye(3, dtype="float32")[Y]
    model.fit(slices(X, one_hot), batch_size=BATCH, verbose=0)
    assert model.optimizer.iterations == STEPS
    assert model.predict(slices(X), batch_size=BATCH, verbose=0).shape == (
        24,
        3,
    )
    column = keras.Sequential([keras.Input((1,)), keras.layers.Dense(3)])
    model = compiled(Classifier.wrap(column, Supervised()))
    data = slices(X[:, 0], Y).batch(BATCH, drop_remainder=True)
    model.fit(data, verbose=0)
    assert model.optimizer.iterations == STEPS


def test_inputs_that_are_texts():
    """As a list, an array and a column."""
    from support.keras_models import CASES, LABELS, WORDS

    case = CASES["strings"]
    model = compiled(Classifier.wrap(case.build(), Supervised()))
    for x in (WORDS.tolist(), WORDS, WORDS.astype(object)):
        model.fit(x, LABELS, verbose=0)
    assert model.optimizer.iterations == 3


def test_images_of_a_folder_keep_their_names_and_numbers(tmp_path):
    """Keras shuffles them anew in each epoch; its default is `shuffle=True`."""
    for k, name in enumerate(("ant", "bee", "cow")):
        for i in range(4):
            image = np.full((2, 2, 3), 60 * k + 7 * i, np.uint8)
            path = tmp_path / name / f"{i}.png"
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(tf.io.encode_png(image).numpy())
    data = keras.utils.image_dataset_from_directory(
        tmp_path, image_size=(2, 2), batch_size=4, seed=0, verbose=False
    )
    model = keras.Sequential(
        [
            keras.Input((2, 2, 3)),
            keras.layers.Rescaling(1 / 255),
            keras.layers.Flatten(),
            keras.layers.Dense(3),
        ]
    )
    wrapped = compiled(Classifier.wrap(model, FSR()))
    wrapped.fit(data, epochs=3, verbose=0)
    assert wrapped.class_names == ["ant", "bee", "cow"]
    source = wrapped.training_dynamics.source
    # 60 is the brightness of the second class, and 120 of the third.
    brightness = source.load(range(12))[:, 0, 0, 0]
    np.testing.assert_array_equal(brightness // 60, source.labels)
    columns = wrapped.training_dynamics.example_columns(wrapped, source)
    assert (columns["visits"] == columns["visits"][0]).all()
