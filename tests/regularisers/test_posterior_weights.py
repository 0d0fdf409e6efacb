"""Weights by the probability that a label is right."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from support.models import blob_source, blobs, classifier

from fsr_gdw_tf import InputPipeline, PosteriorWeights, arrays
from fsr_gdw_tf.data.source import Source
from fsr_gdw_tf.label_quality.label_records import LabelRecords
from fsr_gdw_tf.regularisers.posterior_weights import (
    mean_predictions,
    posterior_weights,
)


def part_of(source: Source, **kwargs):
    """A regulariser set up for a source, and its classifier."""
    part = PosteriorWeights(**kwargs)
    model = classifier(regularisers=[part])
    part.setup(model, source, InputPipeline(2))
    return part, model


def observe(part, model, source: Source, probs: np.ndarray) -> None:
    """Show the regulariser predictions for all examples of a source."""
    label = tf.one_hot(source.labels, model.classes)
    batch = {"index": tf.range(len(source), dtype=tf.int64), "label": label}
    logits = tf.math.log(tf.constant(probs, tf.float32))
    part.observe(model, batch, logits, None)


def test_predictions_are_averaged_over_visits():
    """Of 1/2, 1/4, 1/4 and 1/4, 1/2, 1/4: 3/8, 3/8, 1/4."""
    source = blob_source(n=6)
    part, model = part_of(source)
    first = np.tile([[0.5, 0.25, 0.25]], (6, 1))
    second = first[:, [1, 0, 2]]
    observe(part, model, source, first)
    observe(part, model, source, second)
    records = mean_predictions(np.array(part.means), source)
    expected = np.array([0.375, 0.375, 0.25])
    np.testing.assert_array_equal(records.columns["visits"], 2)
    np.testing.assert_allclose(
        records.columns["probability"], expected[source.labels], rtol=1e-6
    )
    np.testing.assert_allclose(records.top_probs[0], [0.375, 0.375, 0.25])
    assert set(records.top[0, :2]) == {0, 1}
    # The last prediction is class 1.
    np.testing.assert_array_equal(
        records.columns["learned"], source.labels == 1
    )


def test_weights_multiply_those_of_the_data():
    source = blob_source(n=6)
    part, model = part_of(source)
    part.posterior.assign([1.0, 0.5, 0.25, 1.0, 1.0, 1.0])
    batch = {"index": tf.constant([2, 1], tf.int64)}
    np.testing.assert_allclose(
        part.prepare(model, batch)["weight"], [0.25, 0.5]
    )
    batch["weight"] = tf.constant([2.0, 4.0])
    np.testing.assert_allclose(part.prepare(model, batch)["weight"], [0.5, 2.0])
    batch["recordable"] = tf.constant(False)  # other inputs than the index says
    np.testing.assert_allclose(part.prepare(model, batch)["weight"], [2.0, 4.0])


class SumOfWeights(keras.metrics.Metric):
    """The sum of the weights that a metric is given."""

    def __init__(self):
        super().__init__(name="sum")
        self.total = self.add_weight(shape=(), initializer="zeros")

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.total.assign_add(keras.ops.sum(sample_weight))

    def result(self):
        return self.total


def test_weighted_metrics_see_the_weights_of_the_user_alone():
    """Not times the posteriors, which are half here."""
    inputs, labels = blobs(n=6)
    part, model = part_of(arrays(inputs, labels), warmup=1)
    model.compile("sgd", weighted_metrics=[SumOfWeights()])
    part.posterior.assign(np.full(6, 0.5))
    given = np.arange(6.0)
    logs = model.fit(inputs, labels, 6, sample_weight=given, verbose=0).history
    assert logs["sum"] == [15.0]


def records_of(given, predicted, last=None) -> LabelRecords:
    """Records of three classes, with the classes that were predicted.

    last: those of the last visit, if other than those of the means.
    """
    given, top = np.array(given), np.array(predicted)[:, None]
    last = predicted if last is None else last
    columns = {"learned": (given == last).astype(np.float32)}
    return LabelRecords((), given, "abc", columns, top, 0.0 * top)


def test_a_class_counts_so_far_as_it_has_been_learned():
    """Class 2: one of four is predicted, two are right by scores: 1/2."""
    given = [0] * 20 + [1] * 20 + [2] * 4
    records = records_of(given, [0] * 20 + [1] * 20 + [2, 0, 0, 0])
    scores = np.repeat([0.1, 0.0, 0.5], [20, 20, 4])
    expected = np.repeat([0.9, 1.0, 1 - 0.5 * 0.5], [20, 20, 4])
    np.testing.assert_allclose(posterior_weights(records, scores), expected)


@pytest.mark.parametrize(
    ("wrong", "predicted"),
    [
        (0.04, 10),  # hardly any label looks wrong
        (0.51, 10),  # most do
        (0.2, 5),  # 8 labels look right, and 5 < .7 * 8 are predicted
    ],
)
def test_weights_are_one_if_scores_mean_little(wrong, predicted):
    records = records_of([0] * 10, [0] * predicted + [1] * (10 - predicted))
    scores = np.full(10, wrong)
    np.testing.assert_array_equal(posterior_weights(records, scores), 1.0)


def test_weights_begin_when_most_right_labels_were_last_predicted():
    """6 of 8 labels that look right; 4 were predicted on average.

    So half of the class is learned, and 1 - .2 / 2 the weight.
    """
    on_average, last = [0] * 4 + [1] * 6, [0] * 6 + [1] * 4
    records = records_of([0] * 10, on_average, last)
    weights = posterior_weights(records, np.full(10, 0.2))
    np.testing.assert_allclose(weights, 0.9)


@pytest.mark.parametrize("unlearned", [False, True])
def test_wrong_labels_lose_their_weight_unless_the_class_is_unlearned(
    unlearned,
):
    """A fifth of the labels is wrong; the network predicts the right class.

    Unlearned: it predicts another class for all labelled 2, a rare class, and
    those labels keep nearly all of their weight.
    """
    rng = np.random.default_rng(0)
    true = np.arange(600) % 3
    if unlearned:
        true = np.where((true == 2) & (np.arange(600) > 60), 0, true)
    given = np.where(np.arange(600) % 5 == 0, (true + 1) % 3, true)
    source = blob_source(n=600).with_labels(given, true)
    part, model = part_of(source)
    logits = rng.normal(scale=0.5, size=(600, 3))
    logits[np.arange(600), true] += 2.5
    if unlearned:
        logits[given == 2, 2] -= 6.0
    for epoch in range(2):
        model.epoch.assign(epoch)
        part.begin_epoch(model, source, None)
        if epoch == 0:  # the warm-up
            assert np.all(np.array(part.posterior) == 1.0)
        observe(part, model, source, np.array(tf.nn.softmax(logits)))
    model.epoch.assign(2)
    part.begin_epoch(model, source, None)
    posterior, wrong = np.array(part.posterior), given != true
    others = given != 2 if unlearned else given >= 0
    assert posterior[others & wrong].mean() < 0.2
    assert posterior[others & ~wrong].mean() > 0.9
    assert posterior[~others].min(initial=1.0) > 0.9


def test_without_wrong_labels_all_weights_stay_near_one():
    rng = np.random.default_rng(1)
    source = blob_source(n=600)
    part, model = part_of(source, warmup=0)
    logits = rng.normal(scale=0.5, size=(600, 3))
    logits[np.arange(600), source.labels] += 2.5
    observe(part, model, source, np.array(tf.nn.softmax(logits)))
    part.begin_epoch(model, source, None)
    assert float(np.array(part.estimated_noise)) < 0.02
    assert np.array(part.posterior).mean() > 0.98


def test_the_summary_says_what_was_seen_and_done():
    part, _ = part_of(blob_source(n=600), warmup=0)
    line = "Estimated share of wrong labels: 0.0%; no example weighs less"
    assert part.summary() == f"{line} than a half."
    part.estimated_noise.assign(0.742)  # before weights begin
    assert part.summary().startswith("The share of wrong labels is unknown")
    part.estimated_noise.assign(0.382)
    part.posterior.assign(np.repeat([0.49, 0.5, 1.0], 200))
    line = "Estimated share of wrong labels: 38.2%; 200 examples weigh less"
    assert part.summary() == f"{line} than a half."
