"""Hypergradients against closed forms and limiting cases."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from support.gradients import C, Free, M, N, built, forward, network

from fsr_gdw_tf import Classifier, InvalidInput, MetaLoss, VirtualStep
from fsr_gdw_tf.example_state import example_table
from fsr_gdw_tf.lookahead import lookahead
from fsr_gdw_tf.methods import GDW, INSW, L2RW, MWNet
from fsr_gdw_tf.optimizers import SGD

pytestmark = pytest.mark.usefixtures("double")


@pytest.mark.parametrize("ahead", [True, False, "momentum"])
@pytest.mark.parametrize("batch_norm", [False, True])
def test_gradient_of_omega_has_its_closed_form(batch, batch_norm, ahead):
    """g = -(rate / n) D1 * (J v), one forward-mode product along v.

    v is the meta gradient after the virtual step, at the weights of now, or at
    those that the momentum leads to (both known before the training batch is).
    """
    omega = tf.ones((N, C), tf.float64)
    method = Free(GDW(virtual_step=VirtualStep(ahead=ahead)), omega)
    classifier = built(method, batch_norm=batch_norm, momentum=0.9)
    for buffer in classifier.optimizer.buffers:
        buffer.assign(0.1 * np.random.default_rng(2).normal(size=buffer.shape))
    batch = method.prepare(classifier, batch)
    assert ("meta_grad" in batch) is (ahead is not True)
    step = forward(classifier, batch)
    _, g, *_ = lookahead(classifier, method, batch, step)
    theta = [v.value for v in classifier.network_variables]
    delta = tf.nn.softmax(step.logits) - batch["label"]
    virtual = step.tape.gradient(step.logits, theta, output_gradients=delta / N)
    moves = {
        True: virtual,
        False: [0 * t for t in theta],
        "momentum": [0.9 * buffer for buffer in classifier.optimizer.buffers],
    }
    hats = [t - 0.3 * d for t, d in zip(theta, moves[ahead], strict=True)]
    pairs = list(zip(classifier.network_variables, hats, strict=True))
    with tf.GradientTape() as tape:
        tape.watch(hats)
        with keras.StatelessScope(state_mapping=pairs):
            loss, _ = classifier.method.compute_meta_loss(
                classifier, batch, step
            )
    v = tape.gradient(loss, hats)
    with tf.autodiff.ForwardAccumulator(theta, v) as forward_mode:
        logits = classifier.call(batch["inputs"], training=True)
    product = forward_mode.jvp(logits)
    np.testing.assert_allclose(
        g, -0.3 / N * delta * product, rtol=1e-9, atol=1e-14
    )


def test_head_scope_has_its_closed_form_with_momentum_and_l2(batch):
    """grad_w_i = -rate / n (h_i^T G_W e_i + G_B . e_i), all matrix products."""
    method = Free(
        GDW(scope="head", virtual_step=VirtualStep(momentum=True, l2=True)),
        tf.ones((N, 1), tf.float64),
    )
    classifier = built(method, l2=0.1, momentum=0.9)
    for buffer in classifier.optimizer.buffers:
        buffer.assign(0.1 * np.random.default_rng(2).normal(size=buffer.shape))
    step = forward(classifier, batch)
    _, g, *_ = lookahead(classifier, method, batch, step)
    h = step.features.numpy()
    e = (tf.nn.softmax(step.logits) - batch["label"]).numpy()
    kernel, bias = (v.numpy() for v in classifier.head.trainable_variables)
    m_kernel, m_bias = (b.numpy() for b in classifier.optimizer.buffers[-2:])
    kernel_hat = kernel - 0.3 * (0.9 * m_kernel + h.T @ e / N + 0.1 * kernel)
    bias_hat = bias - 0.3 * (0.9 * m_bias + e.mean(0) + 0.1 * bias)
    meta = classifier.features(batch["meta_inputs"], training=True).numpy()
    probs = tf.nn.softmax(meta @ kernel_hat + bias_hat)
    wrong = (probs - batch["meta_label"]).numpy()
    g_kernel, g_bias = meta.T @ wrong / M, np.mean(wrong, axis=0)
    expected = -0.3 / N * (((h @ g_kernel) * e).sum(1) + e @ g_bias)
    np.testing.assert_allclose(g[:, 0], expected, rtol=1e-10, atol=1e-14)


def test_keras_own_momentum_is_understood(batch):
    """The look-ahead reads -rate * m from Keras' SGD and m from ours."""
    results = []
    for optimizer in (SGD(0.3, 0.9), keras.optimizers.SGD(0.3, 0.9)):
        keras.utils.set_random_seed(0)
        method = Free(
            GDW(virtual_step=VirtualStep(momentum=True)),
            tf.ones((N, 1), tf.float64),
        )
        classifier = Classifier(*network(), method)
        classifier.compile(optimizer)
        ones = [tf.ones_like(v.value) for v in classifier.network_variables]
        optimizer.apply(ones, classifier.network_variables)
        step = forward(classifier, batch)
        results.append(lookahead(classifier, method, batch, step)[1])
    np.testing.assert_allclose(*results, rtol=1e-10)
    classifier.compile(keras.optimizers.Adam())
    with pytest.raises(InvalidInput, match="needs SGD with momentum, got Adam"):
        lookahead(classifier, method, batch, forward(classifier, batch))


@pytest.mark.parametrize("kind", [L2RW, INSW, MWNet, GDW])
def test_head_is_all_on_a_network_of_one_layer(batch, kind):
    results = []
    for scope in ("head", "all"):
        keras.utils.set_random_seed(0)
        classifier = built(kind(scope=scope), hidden=False)
        if kind is INSW:
            table = example_table(classifier.method, "phi", N, 0.0)
            classifier.method.phi = table
        step = forward(classifier, batch)
        omega = classifier.method.compute_omega(classifier, batch, step)
        results.append(omega.after)
    np.testing.assert_allclose(*results, rtol=1e-12)


def test_gdw_with_equal_weights_is_cross_entropy(batch):
    """The limiting case: all-ones class weights change nothing."""
    logits = forward(built(GDW()), batch).logits
    for omega in (tf.ones((N, C), tf.float64), tf.ones((N, 1), tf.float64)):
        classifier = built(GDW(cap=1.0))
        _, delta = classifier.loss_and_delta(batch, logits, omega)
        expected = (tf.nn.softmax(logits) - batch["label"]) / N
        np.testing.assert_allclose(delta, expected, rtol=1e-12)


@pytest.mark.parametrize("ahead", [True, False])
def test_moving_statistics_move_once_and_by_the_train_batch(batch, ahead):
    """The meta batch is normalised by itself and leaves no trace."""
    classifier = built(
        GDW(virtual_step=VirtualStep(ahead=ahead)), batch_norm=True
    )
    dataset = tf.data.Dataset.from_tensors(batch)
    x = classifier.features.get_layer("low")(batch["inputs"]).numpy()
    classifier.fit(dataset, verbose=0)
    norm = classifier.features.get_layer("norm")
    np.testing.assert_allclose(norm.moving_mean, 0.01 * x.mean(0), rtol=1e-9)


def test_a_cached_meta_gradient_is_that_of_the_step_it_was_taken_in(batch):
    """Two steps at omega = 1 with another network each: g is -rate / n delta
    (J v), J of now and v of the network of two steps ago; then v is taken anew.
    """
    method = Free(
        GDW(virtual_step=VirtualStep(ahead=False), meta_loss=MetaLoss(every=2)),
        tf.ones((N, C), tf.float64),
    )
    classifier = built(method)
    method.setup(classifier, None, None)
    old = None
    for step in range(3):
        theta = [v.value for v in classifier.network_variables]
        with tf.GradientTape() as tape:
            loss, _ = method.compute_meta_loss(classifier, batch, None)
        v = tape.gradient(loss, classifier.network_variables)
        old = v if step % 2 == 0 else old
        seen = method.prepare(classifier, batch)
        taken = forward(classifier, seen)
        _, g, *_ = lookahead(classifier, method, seen, taken)
        with tf.autodiff.ForwardAccumulator(theta, old) as forward_mode:
            logits = classifier.call(batch["inputs"], training=True)
        delta = tf.nn.softmax(logits) - batch["label"]
        expected = -0.3 / N * delta * forward_mode.jvp(logits)
        np.testing.assert_allclose(g, expected, rtol=1e-9, atol=1e-14)
        moves = [tf.sin(t + step) for t in theta]
        classifier.optimizer.apply(moves, classifier.network_variables)
