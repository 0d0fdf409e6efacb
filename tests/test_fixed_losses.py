"""Losses by a fixed formula: their rules, their limits, what they refuse."""

import numpy as np
import pytest
import tensorflow as tf
from conftest import blob_source, blobs, classifier

from fsr_gdw_tf import (
    ELR,
    GCE,
    ClassBalanced,
    Focal,
    InputPipeline,
    InvalidInput,
)
from fsr_gdw_tf.data import Source
from fsr_gdw_tf.methods.class_balanced import class_weights


def test_effective_numbers_of_samples():
    """Eq. 2 of the paper at beta = .9: 1 and 1.9; weights add up to 2."""
    found = class_weights(np.array([1, 2]), 0.9)
    np.testing.assert_allclose(found, [3.8 / 2.9, 2 / 2.9], rtol=1e-12)


def test_beta_zero_weighs_all_classes_alike():
    np.testing.assert_array_equal(class_weights(np.array([1, 50]), 0), [1, 1])


def test_beta_near_one_weighs_by_inverse_frequency():
    found = class_weights(np.array([1, 3]), 1 - 1e-12)
    np.testing.assert_allclose(found, [1.5, 0.5], rtol=1e-3)


@pytest.mark.parametrize("form", ["softmax", "sigmoid", "focal"])
def test_each_form_is_the_loss_of_a_class_times_its_weight(form):
    """Classes of 3 and 1 at beta near one: weights .5 and 1.5; logits 0."""
    method = ClassBalanced(form, beta=1 - 1e-9, gamma=2.0)
    labels = np.array([0, 0, 0, 1])
    source = Source(blob_source().reader, labels, ["0", "1"])
    model = classifier(method, classes=2)
    method.setup(model, source, InputPipeline(2))
    batch = {"label": tf.eye(2)}
    found = method.objective(batch, tf.zeros((2, 2)), None)
    # log 2 of a softmax; twice log 2 of two sigmoids; a quarter of that.
    plain = {"softmax": 1.0, "sigmoid": 2.0, "focal": 0.5}[form] * np.log(2)
    np.testing.assert_allclose(found, [0.5 * plain, 1.5 * plain], rtol=1e-4)


def test_early_learning_regularisation_remembers_predictions():
    """Eq. 6 and 9 at p = (1/2, 1/4, 1/4): t = .3 p, then .7 t + .3 p."""
    part = ELR(weight=3.0, decay=0.7)
    model = classifier(regularisers=[part])
    part.setup(model, blob_source(), InputPipeline(2))
    batch = {"index": tf.constant([3, 5], tf.int64)}
    logits = tf.math.log([[0.5, 0.25, 0.25]] * 2)
    first = part.penalty(model, batch, logits)
    # <p, p> = 6/16
    expected = [3 * np.log(1 - 0.3 * 0.375)] * 2
    np.testing.assert_allclose(first, expected, rtol=1e-5)
    part.observe(model, batch, logits, None)
    remembered = part.table.numpy()
    np.testing.assert_allclose(remembered[3], [0.15, 0.075, 0.075], rtol=1e-5)
    assert not remembered[4].any()
    second = part.penalty(model, batch, logits)
    expected = [3 * np.log(1 - 0.51 * 0.375)] * 2
    np.testing.assert_allclose(second, expected, rtol=1e-5)


def test_early_learning_regularisation_of_weight_zero_is_nothing():
    part = ELR(weight=0.0)
    model = classifier(regularisers=[part])
    part.setup(model, blob_source(), InputPipeline(2))
    batch = {"index": tf.constant([0], tf.int64)}
    assert part.penalty(model, batch, tf.constant([[9.0, 0.0, 0.0]])) == 0


BAD = {
    "decay": (lambda: ELR(decay=1.0), "decay must be in"),
    "form": (lambda: ClassBalanced("hinge"), "choose one of: focal, sigmoid"),
    "beta": (lambda: ClassBalanced(beta=1.0), "beta must be in"),
    "gamma": (lambda: Focal(-1), "gamma must be 0 or more"),
    "q": (lambda: GCE(0), "q must be in"),
}


@pytest.mark.parametrize("case", BAD)
def test_numbers_out_of_range_are_refused(case):
    make, message = BAD[case]
    with pytest.raises(InvalidInput, match=message):
        make()


def test_classes_of_a_dataset_cannot_be_counted():
    data = tf.data.Dataset.from_tensor_slices(blobs()).batch(20)
    with pytest.raises(
        InvalidInput, match="counts the classes before training"
    ):
        classifier(ClassBalanced()).fit(data, verbose=0)
