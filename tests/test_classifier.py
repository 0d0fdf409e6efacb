"""The one train step: equal to plain Keras, and more where more is asked."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from conftest import blob_source, blobs, classifier, weights
from keras import layers

from fsr_gdw_tf import (
    Classifier,
    InputPipeline,
    InvalidInput,
    Supervised,
    networks,
)


def twins(build):
    """The same network twice: for stock Keras, and for us."""
    pair = []
    for _ in range(2):
        keras.utils.set_random_seed(1)
        pair.append(build())
    return pair


def small_network(softmax=False, regulariser=None):
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(4, 3, use_bias=False, kernel_regularizer=regulariser),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.Flatten(),
            layers.Dense(3, activation="softmax" if softmax else None),
        ]
    )


def image_batches(steps=3):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(8 * steps, 8, 8, 1)).astype(np.float32)
    y = np.eye(3, dtype=np.float32)[rng.integers(0, 3, 8 * steps)]
    return tf.data.Dataset.from_tensor_slices((x, y)).batch(8)


@pytest.mark.parametrize("softmax", [False, True])
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_supervised_equals_stock_keras_after_three_steps(softmax, optimizer):
    stock, ours = twins(lambda: small_network(softmax))
    stock.compile(
        optimizer,
        keras.losses.CategoricalCrossentropy(from_logits=not softmax),
        metrics=["accuracy"],
    )
    history = stock.fit(image_batches(), verbose=0, shuffle=False).history
    wrapped = Classifier.wrap(ours, Supervised())
    wrapped.compile(optimizer)
    mine = wrapped.fit(image_batches(), verbose=0).history
    for a, b in zip(stock.weights, ours.weights, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=2e-6)
    np.testing.assert_allclose(mine["loss"], history["loss"], rtol=1e-5)
    assert mine["accuracy"] == history["accuracy"]


def test_regularisers_of_the_users_layers_count():
    stock, ours = twins(lambda: small_network(regulariser="l2"))
    stock.compile(
        keras.optimizers.SGD(0.1),
        keras.losses.CategoricalCrossentropy(from_logits=True),
    )
    stock.fit(image_batches(), verbose=0, shuffle=False)
    wrapped = Classifier.wrap(ours, Supervised())
    wrapped.compile(keras.optimizers.SGD(0.1))
    wrapped.fit(image_batches(), verbose=0)
    for a, b in zip(stock.weights, ours.weights, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=2e-6)


def test_l2_goes_through_the_momentum():
    """theta_2 by hand: with a zero gradient, only the decay moves theta."""
    model = classifier(l2=0.5)
    model.compile(keras.optimizers.SGD(0.1, momentum=0.9))
    start = weights(model)[0]
    x, y = np.zeros((6, 4), np.float32), np.arange(6) % 3
    # The first kernel sees zero inputs, so its loss gradient is zero.
    model.fit(x, y, batch_size=3, verbose=0)
    # step 1: m = -.05 t; t1 = .95 t
    # step 2: m = -.045 t - .05 (.95 t) = -.0925 t; t2 = .8575 t
    np.testing.assert_allclose(weights(model)[0], 0.8575 * start, rtol=1e-5)


def test_ema_follows_its_growing_decay_and_is_what_tests_see():
    model = classifier(ema=0.999)
    x, y = blobs(n=6)
    average, trace = weights(model), []
    for t in range(3):
        model.fit(x, y, batch_size=6, verbose=0, seed=t)
        decay = (1 + t) / (10 + t)
        average = [
            decay * a + (1 - decay) * w
            for a, w in zip(average, weights(model), strict=True)
        ]
        trace.append(decay)
    np.testing.assert_allclose(trace, [0.1, 2 / 11, 0.25])
    for mine, expected in zip(model.averages, average, strict=True):
        np.testing.assert_allclose(mine, expected, rtol=1e-5, atol=1e-7)
    before = model.predict(x, verbose=0)
    for v, a in zip(model.network_variables, average, strict=True):
        v.assign(a)
    probs = tf.nn.softmax(model(x))
    np.testing.assert_allclose(before, probs, rtol=1e-4, atol=1e-6)


def test_saved_network_holds_the_averaged_weights(tmp_path):
    model = classifier(ema=0.9)
    model.fit(*blobs(), epochs=2, verbose=0)
    raw = weights(model)
    model.save_network(tmp_path / "model.keras")
    saved = keras.models.load_model(tmp_path / "model.keras")
    for s, a in zip(saved.trainable_variables, model.averages, strict=True):
        np.testing.assert_array_equal(s, a)
    for now, then in zip(weights(model), raw, strict=True):
        np.testing.assert_array_equal(now, then)


@pytest.mark.parametrize("how", ["arrays", "source", "tuples", "dicts"])
def test_fit_takes_data_of_any_kind(how):
    x, y = blobs(n=90)
    model = classifier()
    apply_warmup = {
        "arrays": lambda: {"x": x, "y": y, "batch_size": 30},
        "source": lambda: {
            "x": blob_source(n=90),
            "pipeline": InputPipeline(30),
        },
        "tuples": lambda: {"x": tuples(x, y)},
        "dicts": lambda: {"x": tuples(x, y).map(as_dict)},
    }[how]()
    history = model.fit(**apply_warmup, epochs=8, verbose=0).history
    assert history["loss"][-1] < 0.3 * history["loss"][0]
    assert model.evaluate(x, y, verbose=0, return_dict=True)["accuracy"] == 1


def tuples(x, y):
    return tf.data.Dataset.from_tensor_slices((x, y)).batch(30)


def as_dict(x, y):
    return {"inputs": x, "label": tf.one_hot(y, 3)}


@pytest.mark.parametrize("several", [1, 2, 3, 10])
@pytest.mark.parametrize("known", [True, False], ids=["known", "unknown"])
def test_several_steps_in_one_call_are_the_same_steps(several, known):
    """Five batches an epoch, whether or not their number can be told."""
    x, y = blobs(n=60)
    data = tf.data.Dataset.from_tensor_slices((x, y)).batch(12)
    data = data if known else data.filter(lambda *_: True)

    def fit(times, x):
        keras.utils.set_random_seed(0)
        model = classifier(compiled={"steps_per_execution": times})
        history = model.fit(
            x, epochs=2, validation_data=blobs(n=33, seed=1), verbose=0
        ).history
        return model, history

    (one, expected), (model, history) = fit(1, data.take(5)), fit(several, data)
    assert model.optimizer.iterations == one.optimizer.iterations == 10
    for name in expected:
        np.testing.assert_allclose(history[name], expected[name], rtol=1e-6)
    tested = model.evaluate(*blobs(n=33, seed=1), verbose=0, return_dict=True)
    for name, value in tested.items():
        np.testing.assert_allclose(history[f"val_{name}"][-1], value, rtol=1e-6)


def test_predictions_come_in_order_and_as_many_as_asked_for():
    x, _ = blobs(n=33)
    model = classifier()
    expected = tf.nn.softmax(model(x))
    for how in ({}, {"batch_size": 8}, {"batch_size": 8, "steps": None}):
        found = model.predict(x, verbose=0, **how)
        np.testing.assert_allclose(found, expected, rtol=1e-5)
    some = model.predict(blob_source(n=33), batch_size=8, steps=2, verbose=0)
    np.testing.assert_allclose(some, expected[:16], rtol=1e-5)


def test_a_table_of_numbers_trains_as_well_as_images():
    """Nothing in the core assumes images: scikit-learn's iris flowers."""
    from sklearn.datasets import load_iris

    x, y = load_iris(return_X_y=True)
    x = ((x - x.mean(0)) / x.std(0)).astype(np.float32)
    model = keras.Sequential(
        [keras.Input((4,)), layers.Dense(16, "relu"), layers.Dense(3)]
    )
    wrapped = Classifier.wrap(model, Supervised())
    wrapped.compile(keras.optimizers.SGD(0.1, momentum=0.9))
    wrapped.fit(x, y, epochs=30, verbose=0)
    assert (
        wrapped.evaluate(x, y, verbose=0, return_dict=True)["accuracy"] > 0.93
    )


def test_validation_is_logged_and_predictions_are_probabilities():
    x, y = blobs()
    model = classifier()
    logs = model.fit(x, y, validation_data=(x, y), verbose=0).history
    assert {"val_accuracy", "val_balanced_accuracy", "val_loss"} <= set(logs)
    probs = model.predict(x, verbose=0)
    np.testing.assert_allclose(probs.sum(1), 1, rtol=1e-5)
    share = model.fit(x, y, validation_split=0.5, verbose=0).history
    assert "val_accuracy" in share


def test_the_same_seed_gives_the_same_bits():
    def run(seed):
        keras.utils.set_random_seed(0)
        model = classifier()
        model.fit(*blobs(), epochs=3, verbose=0, seed=seed)
        return weights(model)

    one, same, other = run(0), run(0), run(1)
    for a, b in zip(one, same, strict=True):
        np.testing.assert_array_equal(a, b)
    assert any((a != b).any() for a, b in zip(one, other, strict=True))


def test_the_users_model_is_trained_in_place():
    model = small_network(softmax=True)
    before = model.layers[-1].kernel.numpy().copy()
    wrapped = Classifier.wrap(model, Supervised())
    wrapped.compile()
    wrapped.fit(image_batches(), verbose=0)
    assert (model.layers[-1].kernel.numpy() != before).any()
    assert wrapped.network is model


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda m: m.fit(np.zeros((6, 5)), [0, 1, 2] * 2),
            r"shape \(4,\), the d",
        ),
        (lambda m: m.fit(*blobs(classes=4)), "0 to 2"),
        (lambda m: m.fit(*blobs(), sample_weight=np.ones(60)), "sample_weight"),
        (lambda m: m.fit(blobs()[0]), "expected arrays x and y"),
        (lambda m: m.fit(np.zeros((0, 4)), []), "got no examples"),
        (lambda m: m.fit(np.zeros((3, 4)), [0, 1]), "3 inputs but 2 labels"),
        (
            lambda m: m.fit(*blobs(), validation_split=1.5),
            r"share in \(0, 1\) of arrays x and y, got 1.5",
        ),
        (lambda m: m.fit(*blobs(n=9), batch_size=10), "must be in 1 to 9"),
        (lambda m: m.compile(loss="mse"), "compile.. takes no loss"),
        (lambda m: Supervised(smoothing=1.5), r"in \[0, 1\), got 1.5"),
    ],
)
def test_wrong_calls_are_answered(call, message):
    with pytest.raises(InvalidInput, match=message):
        call(classifier())


def test_a_dataset_of_other_classes_or_other_keys():
    x, y = blobs()
    model = classifier()
    wide = tuples(x, np.eye(4, dtype=np.float32)[y])
    with pytest.raises(InvalidInput, match="has 3 classes, the data have 4"):
        model.fit(wide)
    with pytest.raises(
        InvalidInput, match="needs the keys 'inputs' and 'label'"
    ):
        model.fit(tuples(x, y).map(lambda x, y: {"x": x, "label": y}))


def test_labels_of_a_dataset_are_checked_too():
    x, y = blobs()
    with pytest.raises(tf.errors.InvalidArgumentError, match="lie in 0 to 2"):
        classifier().fit(tuples(x, y + 1), verbose=0)
    one_hot = np.eye(3, dtype=np.int64)[y]
    classifier().fit(tuples(x, one_hot), verbose=0)


def test_class_count_decides_about_top5():
    assert len(classifier().test_metrics) == 2
    parts = networks.mlp((4,), 6)
    names = [m.name for m in Classifier(*parts).test_metrics]
    assert names[-1] == "top5_accuracy"
