"""FSR."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from support.gradients import DIM, forward
from support.models import blob_source, blobs, classifier

from fsr_gdw_tf import (
    FSR,
    Classifier,
    Dictionary,
    InvalidInput,
    MetaLoss,
    MixUp,
    Relabel,
)
from fsr_gdw_tf.methods.fsr import RULES


def with_dictionary(statistics, mixed, features="fresh"):
    """A classifier whose reward batch is six examples, for two steps."""
    dictionary = Dictionary(6, 6, features=features)
    method = FSR(
        dictionary, meta_loss=MetaLoss(statistics=statistics), warmup=0
    )
    extra = [MixUp()] if mixed else []
    model = Classifier(*network_with_norm(), method, extra, l2=0.1)
    optimizer = keras.optimizers.SGD(0.1, momentum=0.9)
    model.compile(optimizer, run_eagerly=True)  # tracing takes longer
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
    logits, (features, after) = model.method._meta_logits(model, batch, step)
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
    model.method._meta_logits(model, batch, step)
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


def result_of(omega_grad):
    """What `update` reads of a look ahead."""
    return type(
        "LookaheadResult", (), {"omega_grad": tf.constant(omega_grad)[:, None]}
    )


def test_weights_by_hand_sum_to_n():
    """Slopes of omega are 1/n of those above: u = .5, 0, 0, .1."""
    method = FSR(None, warmup=0)
    slope = np.float32([-0.125, 0.025, 0.075, -0.025])
    omega = method.update(None, None, tf.zeros((4, 2)), result_of(slope))
    np.testing.assert_allclose(
        omega[:, 0], [2 / 0.60001, 0, 0, 0.4 / 0.60001], rtol=1e-6
    )
    assert int(method.fallback_steps) == 0


@pytest.mark.parametrize("fallback", [1.0, 0.0])
def test_when_nobody_helps_the_step_is_counted(fallback):
    method = FSR(None, warmup=0, fallback=fallback)
    slope = result_of(np.float32([0.1, 0.2, 0.0]))
    omega = method.update(None, None, tf.zeros((3, 2)), slope)
    assert omega.numpy().tolist() == [[fallback]] * 3
    assert int(method.fallback_steps) == 1


def test_weights_are_one_and_scores_are_kept_in_the_warmup():
    model = classifier(FSR(warmup=0.5))
    logs = model.fit(*blobs(), epochs=4, verbose=0).history
    assert logs["weight_std"][:2] == [0.0, 0.0]
    assert logs["weight_std"][2] > 0
    assert model.method.dictionary.scores.numpy().std() > 0


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
    method = FSR(None, meta_loss=MetaLoss(statistics="joint"), warmup=0)
    model = Classifier(*network_with_norm(), method)
    model.compile(keras.optimizers.SGD(0.1, momentum=0.9))
    rng = np.random.default_rng(0)
    batch = {
        "inputs": tf.constant(rng.normal(size=(6, DIM))),
        "meta_inputs": tf.constant(rng.normal(size=(5, DIM))),
        "label": tf.one_hot([0, 1, 2] * 2, 3, dtype=tf.float64),
        "meta_label": tf.one_hot([0, 1, 2, 0, 1], 3, dtype=tf.float64),
    }
    logits, _ = method._meta_logits(model, batch, forward(model, batch))
    both = tf.concat([batch["meta_inputs"], batch["inputs"]], 0)
    expected = model.head(model.features(both, training=True))[:5]
    np.testing.assert_allclose(logits, expected, rtol=1e-9)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: FSR(rule="clipp"), "no rule 'clipp': did you mean 'clip'"),
        (lambda: FSR(meta="dict"), "meta must be None .* got 'dict'"),
        (lambda: MetaLoss(statistics="mowing"), "did you mean 'moving'"),
        (
            lambda: FSR(Dictionary(features="bank"), scope="all"),
            "a bank stores features, which only scope='head'",
        ),
        (
            lambda: FSR(Dictionary(pusher="unmixed_margin"), scope="all"),
            "unmixed_margin needs scope='head'",
        ),
        (
            lambda: FSR(
                Dictionary(features="bank"),
                meta_loss=MetaLoss(statistics="joint"),
            ),
            "there are no reward images to normalise",
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
