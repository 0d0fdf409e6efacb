"""FSR's weights and re-labelling: closed forms and literal numbers."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from conftest import blob_source, blobs, classifier
from test_gradients import DIM, C, N, built, forward, meta_loss_of

from fsr_gdw_tf import (
    FSR,
    GDW,
    Classifier,
    Dictionary,
    InputPipeline,
    InvalidInput,
    MixUp,
    Relabel,
    TrainingDynamics,
    losses,
)
from fsr_gdw_tf.data import Source
from fsr_gdw_tf.lookahead import lookahead
from fsr_gdw_tf.methods.fsr import RULES
from fsr_gdw_tf.methods.gdw import zero_mean

PLAIN = {
    "virtual_rate": 0.3,
    "virtual_momentum": False,
    "virtual_l2": False,
    "meta_l2": False,
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
    method = FSR(None, warmup=0, smoothing=smoothing, meta_smoothing=smoothing)
    model = built(method, l2=0.1, momentum=0.9, batch_norm=batch_norm)
    for buffer in model.optimizer.buffers:
        buffer.assign(0.1 * np.random.default_rng(2).normal(size=buffer.shape))
    step = forward(model, batch)
    expected = closed_form(model, batch, step, smoothing)
    result = lookahead(model, method, batch, step)
    np.testing.assert_allclose(
        N * result.omega_grad[:, 0], expected, rtol=1e-10, atol=1e-15
    )
    omega = method.compute_omega(model, batch, step).numpy()[:, 0]
    u = np.maximum(-expected, 0)
    assert 0 < (u > 0).sum() < N, "some help and some do not"
    np.testing.assert_allclose(omega, N * u / (u.sum() + 1e-5), rtol=1e-10)


@pytest.mark.parametrize("scope", ["head", "high", "all"])
def test_weights_of_every_scope_are_the_central_difference(batch, scope):
    method = FSR(None, scope, **PLAIN)
    model = built(method)
    omega = method.compute_omega(model, batch, forward(model, batch)).numpy()[
        :, 0
    ]

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


def with_dictionary(statistics, mixed, features="fresh"):
    """A classifier in float64 whose reward batch is all of five examples."""
    dictionary = Dictionary(6, 6, features=features)
    method = FSR(dictionary, meta_statistics=statistics, warmup=0)
    extra = [MixUp()] if mixed else []
    model = Classifier(*network_with_norm(), method, extra, l2=0.1)
    model.compile(keras.optimizers.SGD(0.1, momentum=0.9))
    return model


def network_with_norm():
    """One hidden layer whose batch statistics matter."""
    inputs = keras.Input((DIM,))
    x = keras.layers.Dense(4)(inputs)
    x = keras.layers.BatchNormalization(momentum=0.5)(x)
    x = keras.layers.Activation("tanh")(x)
    head = keras.layers.Dense(3)
    head.build(x.shape)
    return keras.Model(inputs, x), head


def looked_at(model, batch):
    """Meta logits, and features of the un-mixed batch, of one step."""
    for component in model.components:
        batch = component.prepare(model, batch)
    step = forward(model, batch)
    logits, (features, after) = model.method.meta_logits(model, batch, step)
    return batch, step, logits, features, after


@pytest.mark.parametrize("mixed", [False, True])
@pytest.mark.parametrize("statistics", ["joint", "moving", "batch"])
def test_which_statistics_normalise_the_reward_batch(statistics, mixed):
    source = blob_source(n=12)
    model = with_dictionary(statistics, mixed)
    model.fit(source, batch_size=6, epochs=1, verbose=0)
    x = tf.constant(source.load(range(6)))
    label = tf.one_hot(source.labels[:6], 3)
    batch = {"inputs": x, "label": label, "index": tf.range(6)}
    batch, step, logits, features, _ = looked_at(model, batch)
    reward = batch["meta_inputs"]
    net = model.features
    if statistics == "joint":
        both = net(tf.concat([reward, x], 0), training=True)
        expected, unmixed = both[:6], both[6:]
    elif statistics == "moving":
        expected, unmixed = net(reward), net(x)
    else:
        expected, unmixed = net(reward, training=True), net(x, training=True)
    if not mixed and statistics != "joint":
        unmixed = step.features  # nothing is forwarded twice
    np.testing.assert_allclose(logits, model.head(expected), 1e-4, 1e-5)
    np.testing.assert_allclose(features, unmixed, 1e-4, 1e-5)


@pytest.mark.parametrize(
    ("mixed", "features", "forwards"),
    [
        (False, "fresh", [6]),
        (True, "fresh", [12]),
        (False, "bank", []),
        (True, "bank", [6]),
    ],
)
def test_nothing_is_forwarded_that_is_known(mixed, features, forwards):
    """Examples of the extra passes; 6 are in each batch."""
    model = with_dictionary("moving", mixed, features)
    source = blob_source(n=12)
    model.fit(source, batch_size=6, epochs=1, verbose=0)
    batch = {
        "inputs": tf.constant(source.load(range(6))),
        "label": tf.one_hot(source.labels[:6], 3),
        "index": tf.range(6, dtype=tf.int64),
    }
    for component in model.components:
        batch = component.prepare(model, batch)
    step, sizes, plain = forward(model, batch), [], model.features

    def counting(x, training):
        sizes.append(len(x))
        return plain(x, training=training)

    model.features = counting
    model.method.meta_logits(model, batch, step)
    assert sizes == forwards


def test_rules_by_hand():
    """n = 4; slopes are those of w = 1/4."""
    slope = tf.constant([-0.5, 0.1, 0.3, -0.1])
    expected = {
        "clip": [0.5, 0.0, 0.0, 0.1],
        "clip_paper": [0.75, 0.15, 0.0, 0.35],
        # raw: .75, .15, -.05, .35; less the least, plus 1/4.
        "shift": [1.05, 0.45, 0.25, 0.65],
    }
    for name, values in expected.items():
        u = RULES[name](slope, tf.constant(4.0))
        np.testing.assert_allclose(u, values, rtol=1e-6, atol=1e-7)


def outlook_of(slope):
    """What `update` reads of a look ahead."""
    return type("LookaheadResult", (), {"slope": tf.constant(slope)[:, None]})


def test_weights_by_hand_sum_to_n():
    """Slopes of omega are 1/n of those above: u = .5, 0, 0, .1."""
    method = FSR(None, warmup=0)
    slope = np.float32([-0.125, 0.025, 0.075, -0.025])
    omega = method.update(None, None, tf.zeros((4, 2)), outlook_of(slope))
    np.testing.assert_allclose(
        omega[:, 0], [2 / 0.60001, 0, 0, 0.4 / 0.60001], rtol=1e-6
    )
    assert int(method.helpless) == 0


@pytest.mark.parametrize("fallback", [1.0, 0.0])
def test_when_nobody_helps_the_step_is_counted(fallback):
    method = FSR(None, warmup=0, fallback=fallback)
    slope = outlook_of(np.float32([0.1, 0.2, 0.0]))
    omega = method.update(None, None, tf.zeros((3, 2)), slope)
    assert omega.numpy().tolist() == [[fallback]] * 3
    assert int(method.helpless) == 1


def test_weights_are_one_and_scores_are_kept_in_the_warmup():
    model = classifier(FSR(warmup=0.5))
    logs = model.fit(*blobs(), epochs=4, verbose=0).history
    assert logs["weight_std"][:2] == [0.0, 0.0]
    assert logs["weight_std"][2] > 0
    assert model.method.dictionary.scores.numpy().std() > 0


def test_fsr_is_what_wrap_takes():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    wrapped = Classifier.wrap(model)
    kinds = [type(component) for component in wrapped.components]
    assert kinds == [FSR, MixUp, Relabel, TrainingDynamics]
    assert wrapped.method.rule is RULES["clip"]
    chosen = Classifier.wrap(model, GDW())
    assert [type(component) for component in chosen.components] == [
        GDW,
        TrainingDynamics,
    ]
    assert wrapped.method.dictionary.bank
    alone = Classifier.wrap(model, regularisers=[])
    assert [type(component) for component in alone.components] == [
        FSR,
        TrainingDynamics,
    ]
    assert not alone.method.dictionary.bank, "only MixUp makes it good"


def test_words_are_not_mixed():
    """Token numbers cannot be averaged; the default leaves MixUp out."""
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
        assert [type(component) for component in wrapped.components] == [
            FSR,
            Relabel,
            TrainingDynamics,
        ]
        wrapped.compile("adam")
        wrapped.fit(x, y, epochs=20, verbose=0)
        assert (model.predict(x, verbose=0).argmax(1) == y).mean() > 0.9
        mixed = Classifier.wrap(model, regularisers=[MixUp()])
        mixed.compile("adam")
        with pytest.raises(
            InvalidInput, match="MixUp averages inputs, but this"
        ):
            mixed.fit(x, y, verbose=0)


@pytest.mark.parametrize("build", [FSR, GDW, Relabel])
def test_other_labels_need_a_new_classifier(build):
    x, y = blobs()
    component = build()
    method = component if build is not Relabel else None
    model = classifier(method, regularisers=[] if method else [component])
    meta = {"meta": blobs(n=12, seed=7)} if build is GDW else {}
    model.fit(x, y, verbose=0, **meta)
    y = y.copy()
    y[3] = (y[3] + 1) % 3
    with pytest.raises(
        InvalidInput, match="of 60 examples and got 60 with other"
    ):
        model.fit(x, y, verbose=0, **meta)
    with pytest.raises(
        InvalidInput, match="of 60 examples and got 59 with other"
    ):
        model.fit(x[:-1], y[:-1], verbose=0, **meta)


def test_clean_examples_that_nobody_learns_from_are_told():
    x, y = blobs()
    with pytest.raises(
        InvalidInput, match="FSR does not learn from a clean meta"
    ):
        classifier(FSR()).fit(x, y, meta=blobs(n=12, seed=7), verbose=0)
    clean = blobs(n=12, seed=7)
    model = classifier(FSR())
    model.fit(x, y, meta=clean, meta_in_training=True, verbose=0)
    assert model.method.table.shape == (72,)


def test_what_nobody_has_seen_has_no_certain_new_label():
    """With top classes only as with all of them: uniform."""
    for top in (None, 2):
        component, _ = relabelled(top=top)
        rows = component.rows(tf.constant([0, 3]), 3)
        np.testing.assert_allclose(component.labels(rows), 1 / 3, rtol=1e-6)


def test_a_rate_of_zero_is_no_reason_for_no_numbers():
    """A warm-up of the rate from zero, and Keras' own momentum."""
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, 100, warmup_target=0.1, warmup_steps=10
    )
    model = classifier(FSR(warmup=0))
    model.compile(keras.optimizers.SGD(rate, momentum=0.9))
    logs = model.fit(*blobs(), epochs=3, verbose=0).history
    assert np.isfinite(logs["loss"]).all()
    assert np.isfinite(model.method.dictionary.scores.numpy()).all()


def test_joint_statistics_with_a_clean_meta_set(double):
    """The official normalisation, with clean images: both batches at once."""
    method = FSR(None, meta_statistics="joint", warmup=0)
    model = Classifier(*network_with_norm(), method)
    model.compile(keras.optimizers.SGD(0.1, momentum=0.9))
    rng = np.random.default_rng(0)
    batch = {
        "inputs": tf.constant(rng.normal(size=(6, DIM))),
        "meta_inputs": tf.constant(rng.normal(size=(5, DIM))),
        "label": tf.one_hot([0, 1, 2] * 2, 3, dtype=tf.float64),
        "meta_label": tf.one_hot([0, 1, 2, 0, 1], 3, dtype=tf.float64),
    }
    logits, _ = method.meta_logits(model, batch, forward(model, batch))
    both = tf.concat([batch["meta_inputs"], batch["inputs"]], 0)
    expected = model.head(model.features(both, training=True))[:5]
    np.testing.assert_allclose(logits, expected, rtol=1e-9)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: FSR(rule="clipp"), "no rule 'clipp': did you mean 'clip'"),
        (lambda: FSR(meta="dict"), "meta is None .* got 'dict'"),
        (lambda: FSR(meta_statistics="mowing"), "did you mean 'moving'"),
        (
            lambda: FSR(Dictionary(features="bank"), scope="all"),
            "a bank holds features, which only scope='head'",
        ),
        (
            lambda: FSR(Dictionary(pusher="unmixed_margin"), scope="all"),
            "unmixed_margin needs scope='head'",
        ),
        (
            lambda: FSR(Dictionary(features="bank"), meta_statistics="joint"),
            "no reward images are there to be",
        ),
        (lambda: Relabel(memory="logit"), "did you mean 'logits'"),
        (lambda: Relabel(weight=-1), "weight must be 0 or more, got -1"),
        (lambda: Relabel(decay=2), r"decay must be in \[0, 1\), got 2"),
        (lambda: FSR(warmup=-1), "warmup must be 0 or more, got -1"),
        (lambda: FSR(smoothing=2), r"smoothing must be in \[0, 1\), got 2"),
    ],
)
def test_what_does_not_go_together_is_told(build, message):
    with pytest.raises(InvalidInput, match=message):
        build()


def test_zero_mean_of_a_mixed_label_by_hand():
    """y = (.7, .3, 0, 0): both have weight (.2 * 2 + .1 * 5) / .3 = 3."""
    probs = tf.constant([[0.4, 0.3, 0.2, 0.1]])
    label = tf.constant([[0.7, 0.3, 0.0, 0.0]])
    omega = zero_mean(tf.constant([[9.0, 8.0, 2.0, 5.0]]), label, probs)
    np.testing.assert_allclose(omega, [[3.0, 3.0, 2.0, 5.0]], rtol=1e-6)
    assert abs(float(tf.reduce_sum(omega * (probs - label)))) < 1e-6


def test_zero_mean_survives_certainty():
    probs = tf.constant([[0.9, 0.1, 0.0], [1.0, 3e-8, 0.0]])
    label = tf.constant([[0.6, 0.4, 0.0], [1.0, 0.0, 0.0]])
    omega = zero_mean(tf.ones((2, 3)), label, probs).numpy()
    assert np.isfinite(omega).all() and (omega >= 0).all()
    assert omega.max() <= 1.0 + 1e-5


def relabelled(**kwargs):
    """A table for four examples of three classes, and its learner."""
    component = Relabel(**{"warmup": 0, **kwargs})
    model = classifier(regularisers=[component])
    model.setup(blob_source(n=4), InputPipeline(2))
    return component, model


Z = np.float32([[3.0, 0.0, 0.0], [0.0, 0.0, 4.0]])


def test_logits_are_remembered_by_hand():
    """First T = .9 z; then .1 T / rms + .9 z, rms over batch and classes."""
    component, model = relabelled()
    step = {"index": tf.constant([2, 0])}
    component.observe(model, step, tf.constant(Z), None)
    np.testing.assert_allclose(
        component.values.numpy()[[2, 0]], 0.9 * Z, rtol=1e-6
    )
    assert (component.values.numpy()[[1, 3]] == 0).all()
    # Squares 2.7^2 + 3.6^2 = 20.25 over six entries.
    scaled = 0.9 * Z / np.sqrt(20.25 / 6)
    label = np.exp(scaled) / np.exp(scaled).sum(1, keepdims=True)
    loss = component.penalty(model, step, tf.zeros((2, 3)))
    np.testing.assert_allclose(loss, [2 * np.log(3)] * 2, rtol=1e-6)
    loss = component.penalty(model, step, tf.constant(Z))
    log_p = Z - np.log(np.exp(Z).sum(1, keepdims=True))
    np.testing.assert_allclose(loss, -2 * (label * log_p).sum(1), rtol=1e-5)
    component.observe(model, step, tf.constant(Z), None)
    np.testing.assert_allclose(
        component.values.numpy()[[2, 0]], 0.1 * scaled + 0.9 * Z, rtol=1e-5
    )


def test_probabilities_are_remembered_by_hand():
    """The text: .1 of the old average, .9 of the new prediction."""
    component, model = relabelled(memory="probs", weight=1.0)
    step, p = {"index": tf.constant([1])}, np.array([0.5, 0.25, 0.25])
    log_p = tf.constant(np.log(p)[None], tf.float32)
    assert component.penalty(model, step, log_p).numpy() == [0.0], (
        "no label yet"
    )
    component.observe(model, step, tf.zeros((1, 3)), None)
    component.observe(model, step, log_p, None)
    expected = 0.9 * p + 0.1 * 0.9 / 3
    np.testing.assert_allclose(component.values[1], expected, rtol=1e-5)
    loss = component.penalty(model, step, log_p)
    entropy = -(expected * np.log(p)).sum() / expected.sum()
    np.testing.assert_allclose(loss, [entropy], rtol=1e-5)


@pytest.mark.parametrize("memory", ["logits", "probs"])
def test_all_classes_are_the_limit_of_the_top_ones(memory):
    """And the top one alone is a hard label."""
    rng, results = np.random.default_rng(0), []
    steps = rng.normal(size=(3, 4, 3)).astype(np.float32)
    for top in (None, 3):
        component, model = relabelled(top=top, memory=memory)
        batch = {"index": tf.constant([3, 0, 2, 1])}
        for z in steps:
            component.observe(model, batch, tf.constant(z), None)
        results.append(
            component.labels(component.rows(batch["index"], 3)).numpy()
        )
    np.testing.assert_allclose(*results, rtol=1e-5)
    component, model = relabelled(top=1, memory=memory)
    component.observe(model, batch, tf.constant(steps[0]), None)
    hard = component.labels(component.rows(batch["index"], 3)).numpy()
    np.testing.assert_allclose(hard, np.eye(3)[steps[0].argmax(1)], atol=1e-6)


def test_relabelling_only_watches_in_the_warmup():
    component, model = relabelled(warmup=0.5)
    model.epochs.assign(4)
    step = {"index": tf.constant([0])}
    losses_ = []
    for epoch in range(4):
        model.epoch.assign(epoch)
        losses_.append(
            float(component.penalty(model, step, tf.zeros((1, 3)))[0])
        )
    assert losses_ == pytest.approx([0, 0, 2 * np.log(3), 2 * np.log(3)])


def test_the_new_label_tells_wrong_labels_from_right_ones():
    source = blob_source(n=90)
    wrong = (source.labels + (np.arange(90) % 5 == 0)) % 3
    model = classifier(regularisers=[Relabel()])
    logs = model.fit(
        source.relabel(wrong, source.labels), epochs=8, verbose=0
    ).history
    assert logs["relabel_auroc"][-1] > 0.9


def test_a_table_that_is_too_large_is_refused_with_a_way_out():
    component = Relabel()
    classifier = type("Learner", (), {"classes": 8142})
    source = Source(None, np.arange(437_513) % 8142, [*map(str, range(8142))])
    # 437,513 examples x 10 classes x (4 + 8) bytes / 2^30 = 0.0489.
    message = r"437513 x 8142 .* 13\.3 GiB .* \(top=10: 0\.049 GiB\), or leave"
    with pytest.raises(InvalidInput, match=message):
        component.setup(classifier, source, None)
    with pytest.raises(InvalidInput, match="top must be in 1 to 3, got 4"):
        relabelled(top=4)
