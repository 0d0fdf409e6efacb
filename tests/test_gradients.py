"""Hypergradients: against central differences and against closed forms."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from fsr_gdw_tf import (
    Classifier,
    Dictionary,
    InvalidInput,
    example_state,
    losses,
)
from fsr_gdw_tf.classifier import Forward
from fsr_gdw_tf.example_state import example_table
from fsr_gdw_tf.lookahead import lookahead, scope_variables
from fsr_gdw_tf.losses import scale_gradient
from fsr_gdw_tf.methods import GDW, INSW, L2RW, GenLabel, MWNet, SoftLabel
from fsr_gdw_tf.methods.gdw import zero_mean
from fsr_gdw_tf.optimizers import SGD

N, M, C, DIM = 6, 5, 3, 4


pytestmark = pytest.mark.usefixtures("double")


def network(batch_norm=False, hidden=True):
    """Two hidden layers, or none; perhaps with batch normalisation."""
    inputs = x = keras.Input((DIM,))
    if hidden:
        x = keras.layers.Dense(5, name="low")(x)
        if batch_norm:
            x = keras.layers.BatchNormalization(name="norm")(x)
        x = keras.layers.Activation("tanh")(x)
        x = keras.layers.Dense(4, activation="tanh", name="high")(x)
    else:  # Keras 3.12 takes no model whose output is its input
        x = keras.layers.Identity()(x)
    head = keras.layers.Dense(C, name="head")
    head.build(x.shape)
    return keras.Model(inputs, x), head


def built(method, l2=0.0, momentum=0.0, **kwargs):
    classifier = Classifier(*network(**kwargs), method, l2=l2)
    classifier.compile(SGD(0.3, momentum=momentum))
    return classifier


@pytest.fixture
def batch():
    rng = np.random.default_rng(0)
    return {
        "inputs": tf.constant(rng.normal(size=(N, DIM))),
        "label": tf.one_hot(np.arange(N) % C, C, dtype=tf.float64),
        "index": tf.range(N, dtype=tf.int64),
        "meta_inputs": tf.constant(rng.normal(size=(M, DIM))),
        "meta_label": tf.one_hot(np.arange(M) % C, C, dtype=tf.float64),
    }


def forward(classifier, batch):
    with tf.GradientTape(persistent=True) as tape:
        features = classifier.features(batch["inputs"], training=True)
        logits = classifier.head(features)
    return Forward(tape, features, logits)


class Free:
    """Any method, with an omega that the test chooses."""

    def __new__(cls, method, omega):
        method.start = lambda *args: tf.identity(omega)
        return method


def weighted(method, batch, logits, omega):
    """omega (p - y): what weights do to the gradient on the logits."""
    probs = losses.capped_probs(logits, method.cap)
    return omega * (probs - batch["label"])


def meta_loss_of(classifier, batch, omega, rule=weighted) -> float:
    """The meta loss after the virtual step, step by step and by hand."""
    method = classifier.method
    variables = scope_variables(classifier, method.scope)
    before = [v.numpy() for v in classifier.variables]
    with tf.GradientTape() as tape:
        logits = classifier.call(batch["inputs"], training=True)
        pull = rule(method, batch, logits, omega) / N
        linear = tf.reduce_sum(logits * tf.stop_gradient(pull))
    gradients = tape.gradient(linear, [v.value for v in variables])
    for v, g in zip(variables, gradients, strict=True):
        v.assign_sub(0.3 * g)
    own = method.meta_statistics == "batch"
    for v, value in zip(classifier.variables, before, strict=True):
        if "moving" in v.path:
            v.assign(value)  # the train batch has moved them just now
    logits = classifier.call(batch["meta_inputs"], training=own)
    loss = tf.reduce_mean(losses.cross_entropy(batch["meta_label"], logits))
    for v, value in zip(classifier.variables, before, strict=True):
        v.assign(value)
    return float(loss)


@pytest.mark.parametrize("batch_norm", [False, True])
@pytest.mark.parametrize("scope", ["all", "high", "head"])
@pytest.mark.parametrize("width", [1, C])
@pytest.mark.parametrize("statistics", [None, "batch"])
def test_gradient_of_omega_is_the_central_difference(
    batch, batch_norm, scope, width, statistics
):
    omega = np.random.default_rng(1).uniform(0.2, 1.5, (N, width))
    method = GDW(scope=scope, cap=0.9, meta_statistics=statistics)
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


@pytest.mark.parametrize("normalise", [False, True])
@pytest.mark.parametrize("kind", [MWNet, GDW])
def test_gradient_of_the_weight_net_is_the_central_difference(
    batch, kind, normalise
):
    method = kind(warmup=0, normalise=normalise)
    classifier = built(method)
    step = forward(classifier, batch)
    _, _, phi, _ = lookahead(classifier, method, batch, step)
    kernel = method.net.trainable_variables[0]
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
    rate = {"virtual_rate": 0.3, "warmup": 0}
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


@pytest.mark.parametrize("ahead", [True, False])
@pytest.mark.parametrize("batch_norm", [False, True])
def test_gradient_of_omega_has_its_closed_form(batch, batch_norm, ahead):
    """g = -(rate / n) D1 * (J v), one forward-mode product along v.

    v is the meta gradient after the virtual step, or at the weights of now
    (which are known before the training batch is looked at).
    """
    omega = tf.ones((N, C), tf.float64)
    method = Free(GDW(ahead=ahead), omega)
    classifier = built(method, batch_norm=batch_norm)
    batch = method.prepare(classifier, batch)
    assert ("meta_grad" in batch) is not ahead
    step = forward(classifier, batch)
    _, g, *_ = lookahead(classifier, method, batch, step)
    theta = [v.value for v in classifier.network_variables]
    delta = tf.nn.softmax(step.logits) - batch["label"]
    virtual = step.tape.gradient(step.logits, theta, output_gradients=delta / N)
    rate = 0.3 if ahead else 0.0
    hats = [t - rate * d for t, d in zip(theta, virtual, strict=True)]
    pairs = list(zip(classifier.network_variables, hats, strict=True))
    with tf.GradientTape() as tape:
        tape.watch(hats)
        with keras.StatelessScope(state_mapping=pairs):
            loss, _ = classifier.method.meta_loss(classifier, batch, step)
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
        GDW(scope="head", virtual_momentum=True, virtual_l2=True),
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
        method = Free(GDW(virtual_momentum=True), tf.ones((N, 1), tf.float64))
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
        results.append(classifier.method.compute_omega(classifier, batch, step))
    np.testing.assert_allclose(*results, rtol=1e-12)


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
    omega = classifier.method.compute_omega(classifier, batch, step).numpy()[
        :, 0
    ]

    def slope(i):
        one = 1e-4 * (np.arange(N) == i)[:, None]
        up = meta_loss_of(classifier, batch, one)
        return (up - meta_loss_of(classifier, batch, -one)) / 2e-4

    helpful = np.maximum([-slope(i) for i in range(N)], 0)
    np.testing.assert_allclose(
        omega, N * helpful / helpful.sum(), rtol=1e-5, atol=1e-9
    )


def test_gdw_with_equal_weights_is_cross_entropy(batch):
    """The limiting case: all-ones class weights change nothing."""
    logits = forward(built(GDW()), batch).logits
    for omega in (tf.ones((N, C), tf.float64), tf.ones((N, 1), tf.float64)):
        classifier = built(GDW(cap=1.0))
        _, delta = classifier.loss_and_delta(batch, logits, omega)
        expected = (tf.nn.softmax(logits) - batch["label"]) / N
        np.testing.assert_allclose(delta, expected, rtol=1e-12)


def test_zero_mean_by_hand():
    """p = (.5, .3, .2), t = 0: omega_t = (.3 * 2 + .2 * 1) / .5 = 1.6."""
    probs = tf.constant([[0.5, 0.3, 0.2]])
    label = tf.constant([[1.0, 0.0, 0.0]])
    omega = zero_mean(tf.constant([[9.0, 2.0, 1.0]]), label, probs)
    np.testing.assert_allclose(omega, [[1.6, 2.0, 1.0]], rtol=1e-6)
    assert abs(float(tf.reduce_sum(omega * (probs - label)))) < 1e-6


def test_class_update_by_hand():
    """g of L1 norm 10, rate 2: steps of .2 g, clipped at .2; zero is safe."""
    method = GDW(outer_rate=2.0)
    g = tf.constant([[0.5, -4.0], [-0.5, 5.0]])
    np.testing.assert_allclose(
        method.class_update(g), [[0.1, -0.2], [-0.1, 0.2]], rtol=1e-6
    )
    np.testing.assert_array_equal(method.class_update(0 * g), 0 * g)


@pytest.mark.parametrize(
    ("outer", "n", "classes"), [(100.0, 100, 10), (1000.0, 100, 100)]
)
def test_default_outer_rate_is_the_papers_in_both_settings(outer, n, classes):
    g = tf.random.stateless_normal((n, classes), [0, 1])
    np.testing.assert_allclose(
        GDW().class_update(g), GDW(outer_rate=outer).class_update(g), rtol=1e-6
    )


def test_scale_gradient_is_twice_differentiable():
    """d/dw of |w u|^2 is 2 w u^2, summed where w is broadcast."""
    z = tf.constant([[1.0, 2.0], [3.0, 4.0]])
    u = tf.constant([[1.0, -2.0], [0.5, 3.0]])
    for w in (tf.constant([[0.5], [2.0]]), tf.constant([[1.0, 2], [3, 4]])):
        with tf.GradientTape() as outer:
            outer.watch(w)
            with tf.GradientTape() as inner:
                inner.watch(z)
                y = tf.reduce_sum(scale_gradient(z, w) * u)
            pulled = inner.gradient(y, z)
            size = tf.reduce_sum(pulled**2)
        np.testing.assert_allclose(pulled, w * u)
        expected = 2 * w * u**2
        if w.shape[1] == 1:
            expected = tf.reduce_sum(expected, 1, keepdims=True)
        np.testing.assert_allclose(outer.gradient(size, w), expected)


def test_scopes_hold_what_their_names_say():
    classifier = built(GDW(), batch_norm=True)

    def owners(scope):
        return [
            v.path.split("/")[-2] for v in scope_variables(classifier, scope)
        ]

    assert owners("head") == ["head"] * 2
    assert owners("high") == ["high"] * 2 + ["head"] * 2
    assert owners("norm") == ["norm"] * 2 + ["high"] * 2 + ["head"] * 2
    assert owners("all")[:2] == ["low"] * 2
    with pytest.raises(
        InvalidInput, match=r"no layer matches .* 'hihg'.*'high'"
    ):
        scope_variables(classifier, "hihg")


@pytest.mark.parametrize("ahead", [True, False])
def test_moving_statistics_move_once_and_by_the_train_batch(batch, ahead):
    """The meta batch is normalised by itself and leaves no trace."""
    classifier = built(GDW(ahead=ahead), batch_norm=True)
    dataset = tf.data.Dataset.from_tensors(batch)
    x = classifier.features.get_layer("low")(batch["inputs"]).numpy()
    classifier.fit(dataset, verbose=0)
    norm = classifier.features.get_layer("norm")
    np.testing.assert_allclose(norm.moving_mean, 0.01 * x.mean(0), rtol=1e-9)


def test_rows_are_written_where_they_belong():
    table = keras.Variable(np.arange(5.0), aggregation="sum")
    example_state.scatter_rows(
        table, tf.constant([4, 1]), tf.constant([9.0, 7.0])
    )
    np.testing.assert_allclose(table.numpy(), [0, 7, 2, 3, 9])


@pytest.mark.parametrize("pusher", ["meta_margin", "unmixed_margin"])
def test_without_a_virtual_step_there_is_no_margin_of_it(pusher):
    with pytest.raises(InvalidInput, match="needs ahead=True; take another"):
        GDW(scope="head", meta=Dictionary(pusher=pusher), ahead=False)


def test_a_remembered_meta_gradient_is_that_of_the_step_it_was_taken_in(batch):
    """Two steps at omega = 1 with another network each: g is -rate / n delta
    (J v), J of now and v of the network of two steps ago; then v is taken anew.
    """
    method = Free(GDW(ahead=False, meta_every=2), tf.ones((N, C), tf.float64))
    classifier = built(method)
    method.setup(classifier, None, None)
    old = None
    for step in range(3):
        theta = [v.value for v in classifier.network_variables]
        with tf.GradientTape() as tape:
            loss, _ = method.meta_loss(classifier, batch, None)
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


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"meta_every": 0}, "1 or more steps, got 0"),
        ({"meta_every": 2}, "meta_every=2 needs ahead=False"),
        (
            {"meta_every": 2, "ahead": False, "meta": "dictionary"},
            "needs a clean meta set",
        ),
        (
            {"meta_every": 2, "ahead": False, "meta_statistics": "joint"},
            "needs meta_statistics 'batch' or 'moving'",
        ),
    ],
)
def test_what_cannot_be_remembered_is_refused(settings, message):
    with pytest.raises(InvalidInput, match=message):
        GDW(**settings)
