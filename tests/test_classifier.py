"""The classifier: its train step, wrapping, saving and averaging."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from support.models import blobs, classifier, weights

from fsr_gdw_tf import (
    FSR,
    GDW,
    Classifier,
    InputPipeline,
    InvalidInput,
    MixUp,
    PosteriorWeights,
    Supervised,
    TrainingDynamics,
    arrays,
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
    for mine, expected in zip(model.average.averages, average, strict=True):
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
    model.save(tmp_path / "model.keras")
    saved = keras.models.load_model(tmp_path / "model.keras")
    for s, a in zip(
        saved.trainable_variables, model.average.averages, strict=True
    ):
        np.testing.assert_array_equal(s, a)
    for now, then in zip(weights(model), raw, strict=True):
        np.testing.assert_array_equal(now, then)


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


def test_the_users_model_is_trained_in_place():
    model = small_network(softmax=True)
    before = model.layers[-1].kernel.numpy().copy()
    wrapped = Classifier.wrap(model, Supervised())
    wrapped.compile()
    wrapped.fit(image_batches(), verbose=0)
    assert (model.layers[-1].kernel.numpy() != before).any()
    assert wrapped.network is model


def test_class_count_decides_about_top5():
    assert len(classifier().test_metrics) == 2
    parts = networks.mlp((4,), 6)
    names = [m.name for m in Classifier(*parts).test_metrics]
    assert names[-1] == "top5_accuracy"


def test_gdw_on_a_dictionary_is_what_wrap_takes():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    kinds = [GDW, PosteriorWeights, TrainingDynamics]
    assert parts(Classifier.wrap(model)) == kinds
    assert Classifier.wrap(model).method.dictionary is not None
    mixed = Classifier.wrap(model, regularisers=[MixUp()])
    assert parts(mixed) == [GDW, MixUp, TrainingDynamics]
    for method in (FSR(), FSR, "fsr"):
        found = parts(Classifier.wrap(model, method))
        assert found == [FSR, TrainingDynamics]


def parts(model) -> list[type]:
    """Return the kinds of the method, the regularisers and the recorders."""
    return [type(p) for p in [*model.components, model.training_dynamics]]


def test_the_default_takes_words_which_mixup_does_not():
    """Token numbers cannot be averaged."""
    rng = np.random.default_rng(0)
    y = np.arange(60) % 3
    x = (10 * y[:, None] + rng.integers(0, 10, (60, 5))).astype("int32")
    for dtype in ("int32", "float32"):
        model = keras.Sequential(
            [
                keras.Input((5,), dtype=dtype),
                keras.layers.Embedding(30, 8),
                keras.layers.GlobalAveragePooling1D(),
                keras.layers.Dense(3),
            ]
        )
        wrapped = Classifier.wrap(model)
        wrapped.compile("adam")
        wrapped.fit(x, y, epochs=20, verbose=0)
        assert (model.predict(x, verbose=0).argmax(1) == y).mean() > 0.9
        mixed = Classifier.wrap(model, regularisers=[MixUp()])
        mixed.compile("adam")
        with pytest.raises(
            InvalidInput, match="MixUp averages inputs, but this"
        ):
            mixed.fit(x, y, verbose=0)


def test_given_weights_weigh_the_loss(double):
    """Weights 2 and 0 of a batch of two: the gradient of the first, doubled."""
    x = np.eye(2, 4)
    built = classifier(compiled={})
    source = arrays(x, np.array([0, 2])).with_weights(np.array([2.0, 0.0]))
    built.compile(keras.optimizers.SGD(1.0))
    before = built.head.bias.numpy()
    probs = tf.nn.softmax(built(x[:1])).numpy()[0]
    built.fit(source, pipeline=InputPipeline(2), epochs=1, verbose=0)
    moved = built.head.bias.numpy() - before
    np.testing.assert_allclose(moved, np.eye(3)[0] - probs, rtol=1e-6)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"l2": -1.0}, "l2 must be 0 or more, got -1.0"),
        ({"l2": "1"}, "l2 must be a number, got '1'"),
        ({"ema": 1.5}, r"ema must be in \[0, 1\), got 1.5"),
        ({"ema": True}, "ema must be a number, got True"),
    ],
)
def test_settings_out_of_range_are_told(settings, told):
    with pytest.raises(InvalidInput, match=told):
        classifier(**settings)
