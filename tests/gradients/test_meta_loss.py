"""The mean of the meta gradients of several steps."""

import keras
import numpy as np
import pytest
from support.gradients import built, forward

from fsr_gdw_tf import MetaLoss, VirtualStep
from fsr_gdw_tf.lookahead import lookahead
from fsr_gdw_tf.methods import GDW

NOW = VirtualStep(ahead=False)


def meta_gradients(batches, average, every=1):
    """Return the meta gradient of each batch, one step of training apart."""
    keras.utils.set_random_seed(0)
    settings = MetaLoss(average=average, every=every)
    method = GDW(virtual_step=NOW, meta_loss=settings)
    classifier = built(method)
    method.setup(classifier, None, None)
    gradients = []
    for batch in batches:
        gradients.append(method.prepare(classifier, batch)["meta_grad"])
        classifier.optimizer.iterations.assign_add(1)
    return [np.concatenate([np.ravel(g) for g in one]) for one in gradients]


@pytest.fixture
def batches(batch):
    """Return three batches with other meta labels."""
    labels = batch["meta_label"]
    return [
        {**batch, "meta_label": np.roll(labels, shift, axis=1)}
        for shift in range(3)
    ]


@pytest.mark.usefixtures("double")
def test_the_mean_begins_with_the_first_gradient_and_then_moves(batches):
    first, second, third = meta_gradients(batches, average=0.0)
    means = meta_gradients(batches, average=0.75)
    np.testing.assert_allclose(means[0], first, rtol=1e-12)
    expected = 0.75 * first + 0.25 * second
    np.testing.assert_allclose(means[1], expected, rtol=1e-12)
    expected = 0.75 * expected + 0.25 * third
    np.testing.assert_allclose(means[2], expected, rtol=1e-12)


@pytest.mark.usefixtures("double")
def test_steps_without_a_new_gradient_leave_the_mean_alone(batches):
    first, _, third = meta_gradients(batches, average=0.0)
    means = meta_gradients(batches, average=0.75, every=2)
    np.testing.assert_allclose(means[1], first, rtol=1e-12)
    expected = 0.75 * first + 0.25 * third
    np.testing.assert_allclose(means[2], expected, rtol=1e-12)


@pytest.mark.usefixtures("double")
def test_a_mean_of_equal_gradients_after_a_virtual_step_changes_nothing(batch):
    """The same batch twice: the mean is the gradient itself."""
    results = []
    for average in (0.0, 0.75):
        keras.utils.set_random_seed(0)
        method = GDW(meta_loss=MetaLoss(average=average))
        classifier = built(method)
        method.setup(classifier, None, None)
        for _ in range(2):
            step = forward(classifier, batch)
            result = lookahead(classifier, method, batch, step)
            classifier.optimizer.iterations.assign_add(1)
        results.append(result.omega_grad)
    np.testing.assert_allclose(*results, rtol=1e-12)
