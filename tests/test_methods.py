"""One contract for every method and regulariser."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from conftest import blobs, classifier, weights

from fsr_gdw_tf import BadInput, MixUp, Supervised
from fsr_gdw_tf.callbacks import Checkpoints
from fsr_gdw_tf.methods import METHODS, REGULARISERS, mixup

# Every row must pass every test below: name -> keyword arguments.
CASES = {
    "supervised": lambda: {"method": Supervised()},
    "label_smoothing": lambda: {"method": Supervised(smoothing=0.1)},
    "mixup": lambda: {"regularisers": [MixUp()]},
    "mixup_beta": lambda: {"regularisers": [MixUp("beta")]},
}
cases = pytest.mark.parametrize("case", CASES)


def build(case, **kwargs):
    return classifier(**CASES[case](), **kwargs)


def test_no_method_is_left_out_of_the_contract():
    built = [CASES[c]() for c in CASES]
    methods = {type(b["method"]) for b in built if "method" in b}
    extras = {type(r) for b in built for r in b.get("regularisers", [])}
    assert methods == set(METHODS) and extras == set(REGULARISERS)


@cases
def test_learns_separable_data(case):
    model = build(case)
    loss = model.fit(*blobs(), epochs=20, verbose=0).history["loss"]
    assert np.isfinite(loss).all() and loss[-1] < 0.8 * loss[0]
    accuracy = model.evaluate(*blobs(seed=1), verbose=0, return_dict=True)
    assert accuracy["accuracy"] > 0.95


@cases
def test_traces_once(case):
    model = build(case)
    traces = []
    step = model.train_step
    model.train_step = lambda batch: traces.append(1) or step(batch)
    model.fit(*blobs(), epochs=2, verbose=0)
    first = len(traces)
    model.fit(*blobs(seed=3), epochs=2, verbose=0)
    assert first <= 2 and len(traces) == first


@cases
def test_goes_on_from_a_checkpoint_as_if_never_stopped(case, tmp_path):
    whole = build(case)
    whole.fit(*blobs(), epochs=4, verbose=0)
    keras.utils.set_random_seed(0)
    half = build(case)
    save = Checkpoints(tmp_path)
    half.fit(*blobs(), epochs=2, verbose=0, callbacks=[save])
    keras.utils.set_random_seed(99)
    again = build(case)
    assert Checkpoints(tmp_path).restore(again) == 2
    again.fit(*blobs(), epochs=4, initial_epoch=2, verbose=0)
    for a, b in zip(weights(whole), weights(again), strict=True):
        np.testing.assert_array_equal(a, b)


@cases
def test_compiles_with_xla(case):
    plain = build(case)
    keras.utils.set_random_seed(0)
    fast = build(case, compiled={"jit_compile": True})
    for model in (plain, fast):
        model.fit(*blobs(), batch_size=20, epochs=2, verbose=0)
    assert all(np.isfinite(w).all() for w in weights(fast))
    if plain.regularisers:
        return  # XLA's random numbers are others: MixUp mixes other pairs
    for a, b in zip(weights(plain), weights(fast), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5)


def test_official_lambda_is_one_minus_half_a_square():
    u = tf.random.stateless_uniform([20000], [0, 1])
    share = mixup.official_lambda(u, 0.5).numpy()
    assert share.min() >= 0.5 and share.max() <= 1
    assert share.mean() == pytest.approx(5 / 6, abs=0.005)


@pytest.mark.parametrize(
    ("alpha", "mean"),
    # E max(l, 1-l) of Beta(1, 1) is 3/4; of Beta(.5, .5) it is 1/2 + 1/pi.
    [(1.0, 0.75), (0.5, 0.5 + 1 / np.pi)],
)
def test_beta_lambda_has_the_betas_mean(alpha, mean):
    u = tf.random.stateless_uniform([20000], [0, 1])
    share = mixup.beta_lambda(u, alpha).numpy()
    assert share.mean() == pytest.approx(mean, abs=0.005)


def test_mixing_by_hand():
    x = tf.constant([[0.0, 8.0], [4.0, 0.0]])
    mixed = mixup.mix(x, tf.constant([1, 0]), tf.constant([0.75, 1.0]))
    np.testing.assert_allclose(mixed, [[1.0, 6.0], [4.0, 0.0]])


def test_mixup_mixes_inputs_and_labels_alike_and_keeps_the_originals():
    model = classifier(regularisers=[MixUp()])
    x, y = blobs(n=30, spread=0.0)  # inputs are three times the one-hot label
    batch = {"inputs": tf.constant(x), "label": tf.one_hot(y, 3)}
    mixed = MixUp(seed=4).prepare(model, batch)
    np.testing.assert_allclose(
        mixed["inputs"][:, :3], 3 * mixed["label"], rtol=1e-5, atol=1e-6
    )
    assert (mixed["label"].numpy().argmax(1) == y).all()
    assert mixed["label"].numpy().max(1).min() < 0.95
    np.testing.assert_array_equal(mixed["unmixed_inputs"], x)
    np.testing.assert_array_equal(mixed["unmixed_label"], np.eye(3)[y])


def test_mixup_draws_anew_each_step():
    model = classifier(regularisers=[MixUp()])
    x, y = blobs(n=30)
    batch = {"inputs": tf.constant(x), "label": tf.one_hot(y, 3)}
    one = MixUp().prepare(model, batch)["label"].numpy()
    model.optimizer.iterations.assign(1)
    two = MixUp().prepare(model, batch)["label"].numpy()
    assert (one != two).any()


def test_a_mixup_law_that_does_not_exist():
    with pytest.raises(BadInput, match=r"no MixUp law 'bta'.*'beta'"):
        MixUp("bta")
