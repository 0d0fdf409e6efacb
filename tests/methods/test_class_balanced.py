"""The class-balanced loss, and settings of the fixed losses."""

import numpy as np
import pytest
import tensorflow as tf
from support.models import blob_source, blobs, classifier

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


def test_classes_of_a_dataset_without_end_cannot_be_counted():
    data = tf.data.Dataset.from_tensor_slices(blobs()).batch(20).repeat()
    with pytest.raises(
        InvalidInput, match="counts the classes before training"
    ):
        classifier(ClassBalanced()).fit(data, steps_per_epoch=3, verbose=0)
