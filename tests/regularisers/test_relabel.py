"""Re-labelling with a moving average of predictions."""

import numpy as np
import pytest
import tensorflow as tf
from support.models import blob_source, classifier

from fsr_gdw_tf import InputPipeline, InvalidInput, Relabel
from fsr_gdw_tf.data import Source


def test_what_nobody_has_seen_has_no_certain_new_label():
    """With top classes only as with all of them: uniform."""
    for top in (None, 2):
        component, _ = relabelled(top=top)
        averages = component.averages(tf.constant([0, 3]), 3)
        labels = component.pseudo_labels(averages)
        np.testing.assert_allclose(labels, 1 / 3, rtol=1e-6)


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
        averages = component.averages(batch["index"], 3)
        results.append(component.pseudo_labels(averages).numpy())
    np.testing.assert_allclose(*results, rtol=1e-5)
    component, model = relabelled(top=1, memory=memory)
    component.observe(model, batch, tf.constant(steps[0]), None)
    averages = component.averages(batch["index"], 3)
    hard = component.pseudo_labels(averages).numpy()
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
        source.with_labels(wrong, source.labels), epochs=8, verbose=0
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
