"""FSR's weights against the official closed form and central differences."""

import numpy as np
import pytest
import tensorflow as tf
from support.gradients import DIM, C, N, built, forward, meta_loss_of

from fsr_gdw_tf import FSR, MetaLoss, VirtualStep, losses
from fsr_gdw_tf.lookahead import lookahead

PLAIN = {
    "virtual_step": VirtualStep(0.3, momentum=False, l2=False),
    "meta_loss": MetaLoss(l2=False),
    "warmup": 0,
}


@pytest.fixture
def batch(double):
    """Six examples, and a reward batch of five."""
    rng = np.random.default_rng(0)
    return {
        "inputs": tf.constant(rng.normal(size=(N, DIM))),
        "label": tf.one_hot(np.arange(N) % C, C, dtype=tf.float64),
        "index": tf.range(N, dtype=tf.int64),
        "meta_inputs": tf.constant(rng.normal(size=(5, DIM))),
        "meta_label": tf.one_hot(np.arange(5) % C, C, dtype=tf.float64),
    }


def closed_form(model, batch, step, smoothing=0.0):
    """grad_w_i of the official code: momentum and L2 in both steps."""
    h = step.features.numpy()
    labels = losses.smooth_labels(batch["label"], smoothing)
    e = (tf.nn.softmax(step.logits) - labels).numpy()
    kernel, bias = (v.numpy() for v in model.head.trainable_variables)
    m_kernel, m_bias = (b.numpy() for b in model.optimizer.buffers[-2:])
    l2 = model.l2
    kernel_hat = kernel - 0.1 * (0.9 * m_kernel + h.T @ e / N + l2 * kernel)
    bias_hat = bias - 0.1 * (0.9 * m_bias + e.mean(0) + l2 * bias)
    reward = model.features(batch["meta_inputs"], training=False).numpy()
    probs = tf.nn.softmax(reward @ kernel_hat + bias_hat)
    targets = losses.smooth_labels(batch["meta_label"], smoothing)
    wrong = (probs - targets).numpy()
    g_kernel = reward.T @ wrong / 5 + l2 * kernel_hat
    g_bias = wrong.mean(0) + l2 * bias_hat
    return -0.1 * (((h @ g_kernel) * e).sum(1) + e @ g_bias)


@pytest.mark.parametrize("batch_norm", [False, True])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_head_weights_are_the_official_closed_form(
    batch, batch_norm, smoothing
):
    """fsr.md 1.2 in matrix products, against the nested tapes, to 1e-10."""
    method = FSR(
        None,
        warmup=0,
        smoothing=smoothing,
        meta_loss=MetaLoss(smoothing=smoothing),
    )
    model = built(method, l2=0.1, momentum=0.9, batch_norm=batch_norm)
    for buffer in model.optimizer.buffers:
        buffer.assign(0.1 * np.random.default_rng(2).normal(size=buffer.shape))
    step = forward(model, batch)
    expected = closed_form(model, batch, step, smoothing)
    result = lookahead(model, method, batch, step)
    np.testing.assert_allclose(
        N * result.omega_grad[:, 0], expected, rtol=1e-10, atol=1e-15
    )
    omega = method.compute_omega(model, batch, step).after.numpy()[:, 0]
    u = np.maximum(-expected, 0)
    assert 0 < (u > 0).sum() < N, "some help and some do not"
    np.testing.assert_allclose(omega, N * u / (u.sum() + 1e-5), rtol=1e-10)


@pytest.mark.parametrize("scope", ["head", "high", "all"])
def test_weights_of_every_scope_are_the_central_difference(batch, scope):
    method = FSR(None, scope, **PLAIN)
    model = built(method)
    omega = method.compute_omega(
        model, batch, forward(model, batch)
    ).after.numpy()[:, 0]

    def slope(i):
        sides = []
        for sign in (1, -1):
            moved = np.ones((N, 1))
            moved[i] += sign * 1e-4
            sides.append(meta_loss_of(model, batch, moved))
        return N * (sides[0] - sides[1]) / 2e-4  # in w = omega / n

    u = np.maximum([-slope(i) for i in range(N)], 0)
    np.testing.assert_allclose(
        omega, N * u / (u.sum() + 1e-5), rtol=1e-5, atol=1e-8
    )
