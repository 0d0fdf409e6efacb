"""Hypergradients against central differences in float64."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from support.gradients import C, Free, N, built, forward, meta_loss_of

from fsr_gdw_tf import MetaLoss, VirtualStep, WeightNet
from fsr_gdw_tf.example_state import example_table
from fsr_gdw_tf.lookahead import lookahead
from fsr_gdw_tf.methods import GDW, INSW, L2RW, GenLabel, MWNet, SoftLabel

pytestmark = pytest.mark.usefixtures("double")


@pytest.mark.parametrize("batch_norm", [False, True])
@pytest.mark.parametrize("scope", ["all", "high", "head"])
@pytest.mark.parametrize("width", [1, C])
@pytest.mark.parametrize("statistics", [None, "batch"])
def test_gradient_of_omega_is_the_central_difference(
    batch, batch_norm, scope, width, statistics
):
    omega = np.random.default_rng(1).uniform(0.2, 1.5, (N, width))
    method = GDW(
        scope=scope, cap=0.9, meta_loss=MetaLoss(statistics=statistics)
    )
    method = Free(method, tf.constant(omega))
    classifier = built(method, batch_norm=batch_norm)
    _, g, *_ = lookahead(classifier, method, batch, forward(classifier, batch))
    for i, j in [(0, 0), (1, width - 1), (N - 1, width // 2)]:
        sides = []
        for sign in (1, -1):
            moved = omega.copy()
            moved[i, j] += sign * 1e-4
            sides.append(meta_loss_of(classifier, batch, moved))
        difference = (sides[0] - sides[1]) / 2e-4
        np.testing.assert_allclose(g[i, j], difference, rtol=1e-5, atol=1e-11)


@pytest.mark.parametrize("batch_norm", [False, True])
@pytest.mark.parametrize("scope", ["all", "high", "head"])
@pytest.mark.parametrize("ahead", [True, False])
@pytest.mark.parametrize(
    "hypergradient", ["finite_difference", "central_difference"]
)
def test_the_change_of_the_logits_gives_the_exact_gradients(
    batch, batch_norm, scope, ahead, hypergradient
):
    """Of omega and of the weight net; of all digits that float64 leaves."""
    exact, other = (
        lookahead_of(batch, scope, batch_norm, ahead=ahead, hypergradient=kind)
        for kind in ("exact", hypergradient)
    )
    np.testing.assert_allclose(other[1], exact[1], rtol=1e-5, atol=1e-10)
    for a, b in zip(other[2], exact[2], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-10)


def lookahead_of(batch, scope, batch_norm, **step):
    """Return the result for GDW with this virtual step."""
    keras.utils.set_random_seed(0)
    method = GDW(scope=scope, virtual_step=VirtualStep(**step))
    classifier = built(method, batch_norm=batch_norm)
    method.weight_net.example_weights(batch, tf.zeros((N, C), tf.float64))
    prepared = method.prepare(classifier, batch)
    step = forward(classifier, prepared)
    return lookahead(classifier, method, prepared, step)


@pytest.mark.parametrize("normalise", [False, True])
@pytest.mark.parametrize("kind", [MWNet, GDW])
def test_gradient_of_the_weight_net_is_the_central_difference(
    batch, kind, normalise
):
    method = kind(weight_net=WeightNet(normalise=normalise))
    classifier = built(method)
    step = forward(classifier, batch)
    _, _, phi, _ = lookahead(classifier, method, batch, step)
    kernel = method.weight_net.net.trainable_variables[0]
    for j in (0, 7, 99):
        sides = []
        for sign in (1, -1):
            kernel.assign(kernel.numpy() + sign * 1e-5 * (np.arange(100) == j))
            omega = method.start(classifier, batch, step.logits)
            sides.append(meta_loss_of(classifier, batch, omega))
            kernel.assign(kernel.numpy() - sign * 1e-5 * (np.arange(100) == j))
        difference = (sides[0] - sides[1]) / 2e-5
        np.testing.assert_allclose(phi[0][0, j], difference, 1e-4, 1e-10)


def as_target(method, batch, logits, label):
    """p sum y - y: cross-entropy with any label."""
    total = tf.reduce_sum(label, axis=1, keepdims=True)
    return tf.nn.softmax(logits) * total - label


def as_divergence(method, batch, logits, label):
    """p (log p - log y - KL(p || y)) / C: MSLG's loss."""
    p = tf.nn.softmax(logits)
    surprise = tf.math.log(p) - tf.math.log(label + 1e-10)
    mean = tf.reduce_sum(p * surprise, axis=1, keepdims=True)
    return p * (surprise - mean) / C


@pytest.mark.parametrize(
    ("kind", "rule"), [(SoftLabel, as_target), (GenLabel, as_divergence)]
)
@pytest.mark.parametrize("scope", ["all", "head"])
def test_gradient_of_labels_is_the_central_difference(batch, kind, rule, scope):
    """The fused cross-entropy would give zero here, and say nothing."""
    labels = np.random.default_rng(1).dirichlet(np.ones(C), N)
    rate = {"virtual_step": VirtualStep(0.3), "warmup": 0}
    method = Free(kind(scope=scope, **rate), tf.constant(labels))
    classifier = built(method)
    _, g, *_ = lookahead(classifier, method, batch, forward(classifier, batch))
    for i, j in [(0, 0), (1, C - 1), (N - 1, 1)]:
        sides = []
        for sign in (1, -1):
            moved = labels.copy()
            moved[i, j] += sign * 1e-4
            sides.append(meta_loss_of(classifier, batch, moved, rule))
        difference = (sides[0] - sides[1]) / 2e-4
        assert abs(difference) > 1e-6
        np.testing.assert_allclose(g[i, j], difference, rtol=1e-5)


def test_insw_goes_through_its_softmax(batch):
    """d loss / d phi by central differences of the whole chain."""
    method = INSW(rate=1.0, decay=1.0)
    classifier = built(method)
    method.phi = example_table(method, "phi", N, 0.0)
    start = np.linspace(-0.5, 0.5, N)
    method.phi.assign(start)
    step = forward(classifier, batch)
    method.compute_omega(classifier, batch, step)
    slope = start - method.phi.numpy()

    def loss(phi):
        omega = N * np.exp(phi) / np.exp(phi).sum()
        return meta_loss_of(classifier, batch, omega[:, None])

    for i in (0, 3):
        one = 1e-4 * (np.arange(N) == i)
        difference = (loss(start + one) - loss(start - one)) / 2e-4
        np.testing.assert_allclose(slope[i], difference, rtol=1e-5)


def test_l2rw_is_its_papers_formula(batch):
    classifier = built(L2RW())
    step = forward(classifier, batch)
    omega = classifier.method.compute_omega(
        classifier, batch, step
    ).after.numpy()[:, 0]

    def slope(i):
        one = 1e-4 * (np.arange(N) == i)[:, None]
        up = meta_loss_of(classifier, batch, one)
        return (up - meta_loss_of(classifier, batch, -one)) / 2e-4

    helpful = np.maximum([-slope(i) for i in range(N)], 0)
    np.testing.assert_allclose(
        omega, N * helpful / helpful.sum(), rtol=1e-5, atol=1e-9
    )
