"""What users of Keras expect of fit, compile and single batches."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from support.models import blobs, classifier, weights

from fsr_gdw_tf import FSR, GDW, Classifier, InvalidInput, Supervised, arrays

X, Y = blobs(n=12)
FACTORS = np.linspace(0.0, 2.0, 12).astype("float32")
BY_CLASS = {0: 0.5, 2: 3.0}


def model(method=None, **compiled):
    """Return an eager classifier without hidden layers."""
    keras.utils.set_random_seed(0)
    network = keras.Sequential([keras.Input((4,)), layers.Dense(3)])
    built = Classifier.wrap(network, method or Supervised())
    built.compile("sgd", run_eagerly=True, **compiled)
    return built


def stock(**compiled) -> keras.Model:
    """Return the same network, compiled by Keras."""
    network = model().network
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    network.compile("sgd", loss, run_eagerly=True, **compiled)
    return network


def batches(*parts) -> tf.data.Dataset:
    return tf.data.Dataset.from_tensor_slices(parts).batch(12)


@pytest.mark.parametrize(
    ("arguments", "factors"),
    [
        ({"sample_weight": FACTORS}, FACTORS),
        ({"class_weight": BY_CLASS}, np.float32([0.5, 1, 3])[Y]),
        (
            {"sample_weight": FACTORS, "class_weight": BY_CLASS},
            FACTORS * np.float32([0.5, 1, 3])[Y],
        ),
    ],
)
def test_given_weights_multiply_the_loss_as_in_keras(arguments, factors):
    plain = stock()
    plain.fit(X, Y, sample_weight=factors, batch_size=12, verbose=0)
    ours, of_dataset = model(), model()
    ours.fit(X, Y, batch_size=12, verbose=0, **arguments)
    parts = [arguments.pop("sample_weight")] if len(arguments) == 2 else []
    if "sample_weight" in arguments:
        parts = [arguments.pop("sample_weight")]
    of_dataset.fit(batches(X, Y, *parts), verbose=0, **arguments)
    for found in (ours, of_dataset):
        for a, b in zip(plain.weights, found.network.weights, strict=True):
            np.testing.assert_allclose(b, a, rtol=1e-5, atol=1e-7)
    expected = plain.evaluate(X, Y, sample_weight=factors, verbose=0)
    found = ours.evaluate(X, Y, sample_weight=factors, verbose=0)[0]
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_the_methods_own_weights_do_not_depend_on_given_ones():
    """The virtual step of GDW is the same; the real one is not."""
    chosen = []
    for factor in (1.0, 2.0):
        keras.utils.set_random_seed(0)
        method = GDW(cap=1.0)
        built = model(method)
        update = method.update
        method.update = lambda *args, f=update: (
            chosen.append(f(*args)) or (chosen[-1])
        )
        built.fit(
            X,
            Y,
            sample_weight=np.full(12, factor),
            meta=blobs(n=6, seed=3),
            shuffle=False,
            batch_size=12,
            verbose=0,
        )
    np.testing.assert_allclose(chosen[0], chosen[1], rtol=1e-6)


@pytest.mark.parametrize("one_hot", [False, True])
def test_metrics_of_compile_are_measured_as_by_keras(one_hot):
    y = np.eye(3, dtype="float32")[Y] if one_hot else Y
    kind = "Categorical" if one_hot else "SparseCategorical"

    def given() -> dict:
        top = getattr(
            keras.metrics,
            f"{'' if one_hot else 'Sparse'}TopKCategoricalAccuracy",
        )(2, name="top2")
        return {
            "metrics": ["accuracy", top],
            "weighted_metrics": [f"{kind}Accuracy"],
        }

    ours = model(**given())
    history = ours.fit(
        X, y, batch_size=12, validation_data=(X, y), verbose=0
    ).history
    assert {"accuracy", "top2", "val_top2"} <= set(history)
    found = ours.evaluate(
        X, y, sample_weight=FACTORS, verbose=0, return_dict=True
    )
    right = np.array(ours.network(X)).argmax(1) == Y
    weighted = (right * FACTORS).sum() / FACTORS.sum()
    name = next(n for n in found if n.endswith("categorical_accuracy"))
    assert found[name] == pytest.approx(weighted, rel=1e-5)
    assert found["accuracy"] == pytest.approx(right.mean(), rel=1e-5)
    ranks = np.argsort(-np.array(ours.network(X)), axis=1)[:, :2]
    top2 = (ranks == Y[:, None]).any(1).mean()
    assert found["top2"] == pytest.approx(top2, rel=1e-5)


def test_metrics_of_a_binary_model_get_the_probability_of_class_one():
    network = keras.Sequential([keras.Input((4,)), layers.Dense(1, "sigmoid")])
    built = Classifier.wrap(network, Supervised())
    auc = keras.metrics.AUC(name="auc")
    built.compile("sgd", None, [auc], ["accuracy"], run_eagerly=True)
    y = Y % 2
    built.fit(X, y, verbose=0)
    found = built.evaluate(X, y, verbose=0, return_dict=True)
    expected = keras.metrics.AUC()
    expected.update_state(y[:, None], network(X))
    assert found["auc"] == pytest.approx(float(expected.result()), rel=1e-5)
    assert found["weighted_accuracy"] == pytest.approx(found["accuracy"])


def test_callbacks_know_the_direction_of_accuracy(tmp_path):
    """In mode "auto", which they have by default."""
    built = model()
    monitored = "val_accuracy"
    path = tmp_path / "best.keras"
    callbacks = [
        keras.callbacks.EarlyStopping(monitored, restore_best_weights=True),
        keras.callbacks.ModelCheckpoint(path, monitored, save_best_only=True),
        keras.callbacks.ReduceLROnPlateau(monitored),
        keras.callbacks.ReduceLROnPlateau("val_calibration_error"),
    ]
    built.fit(X, Y, validation_data=(X, Y), callbacks=callbacks, verbose=0)
    best = [bool(c.monitor_op(2, 1)) for c in callbacks]
    assert best == [True, True, True, False]
    loaded = keras.models.load_model(path)
    np.testing.assert_allclose(loaded(X), built.network(X), rtol=1e-6)


def test_steps_per_epoch_and_batches_larger_than_the_data():
    built = model()
    built.fit(X, Y, batch_size=5, steps_per_epoch=3, epochs=2, verbose=0)
    assert int(built.optimizer.iterations) == 6
    plain, ours = stock(), model()
    plain.fit(X, Y, batch_size=100, verbose=0)
    ours.fit(X, Y, batch_size=100, verbose=0)
    for a, b in zip(plain.weights, ours.network.weights, strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-5, atol=1e-7)


def test_single_batches_are_trained_on_as_by_keras():
    plain, ours = stock(), model()
    expected = [plain.train_on_batch(X, Y) for _ in range(2)]
    found = [ours.train_on_batch(X, Y)[0] for _ in range(2)]
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    logs = ours.test_on_batch(X, Y, sample_weight=FACTORS, return_dict=True)
    expected = plain.test_on_batch(X, Y, sample_weight=FACTORS)
    assert logs["loss"] == pytest.approx(float(expected), rel=1e-5)
    probs = tf.nn.softmax(plain.predict_on_batch(X))
    np.testing.assert_allclose(ours.predict_on_batch(X), probs, rtol=1e-4)


def test_single_batches_and_methods():
    clean = blobs(n=6, seed=3)
    before = weights(built := model(GDW()))
    built.train_on_batch(X, Y, meta=clean)
    assert (weights(built)[0] != before[0]).any()
    with pytest.raises(InvalidInput, match="learns from a clean meta set"):
        built.train_on_batch(X, Y)
    with pytest.raises(InvalidInput, match="needs stable indices"):
        model(FSR()).train_on_batch(X, Y)
    with pytest.raises(InvalidInput, match="without labels; pass both"):
        model().train_on_batch(X)


def test_a_source_has_weights_of_its_own():
    source = arrays(X, Y).with_weights(FACTORS)
    ours, both = model(), model()
    ours.fit(X, Y, sample_weight=FACTORS**2, batch_size=12, verbose=0)
    both.fit(source, sample_weight=FACTORS, batch_size=12, verbose=0)
    for a, b in zip(weights(ours), weights(both), strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-5, atol=1e-7)


def test_a_metric_of_a_name_that_is_taken_is_told():
    with pytest.raises(InvalidInput, match="metric 'loss' already"):
        classifier().compile(metrics=[keras.metrics.Mean("loss")])
