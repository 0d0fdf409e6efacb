"""MixUp."""

import numpy as np
import pytest
import tensorflow as tf
from support.keras_models import pair
from support.models import blobs, classifier

from fsr_gdw_tf import Classifier, InvalidInput, MixUp
from fsr_gdw_tf.regularisers import mixup


def test_official_lambda_is_one_minus_half_a_square():
    u = tf.random.stateless_uniform([20000], [0, 1])
    share = mixup.official_lambda(u, 0.5).numpy()
    assert share.min() >= 0.5 and share.max() <= 1
    assert share.mean() == pytest.approx(5 / 6, abs=0.005)


@pytest.mark.parametrize(
    ("alpha", "mean"),
    # E max(l, 1-l) of Beta(1, 1) is 3/4; of Beta(.5, .5) it is 1/2 + 1/pi.
    [(1.0, 0.75), (0.5, 0.5 + 1 / np.pi)],
)
def test_beta_lambda_has_the_betas_mean(alpha, mean):
    u = tf.random.stateless_uniform([20000], [0, 1])
    share = mixup.beta_lambda(u, alpha).numpy()
    assert share.mean() == pytest.approx(mean, abs=0.005)


def test_mixing_by_hand():
    x = tf.constant([[0.0, 8.0], [4.0, 0.0]])
    mixed = mixup.mix(x, tf.constant([1, 0]), tf.constant([0.75, 1.0]))
    np.testing.assert_allclose(mixed, [[1.0, 6.0], [4.0, 0.0]])


def test_mixup_mixes_inputs_and_labels_alike_and_keeps_the_originals():
    model = classifier(regularisers=[MixUp()])
    x, y = blobs(n=30, spread=0.0)  # inputs are three times the one-hot label
    batch = {"inputs": tf.constant(x), "label": tf.one_hot(y, 3)}
    mixed = MixUp(seed=4).prepare(model, batch)
    np.testing.assert_allclose(
        mixed["inputs"][:, :3], 3 * mixed["label"], rtol=1e-5, atol=1e-6
    )
    assert (mixed["label"].numpy().argmax(1) == y).all()
    assert mixed["label"].numpy().max(1).min() < 0.95
    np.testing.assert_array_equal(mixed["unmixed_inputs"], x)
    np.testing.assert_array_equal(mixed["unmixed_label"], np.eye(3)[y])


def test_mixup_draws_anew_each_step():
    model = classifier(regularisers=[MixUp()])
    x, y = blobs(n=30)
    batch = {"inputs": tf.constant(x), "label": tf.one_hot(y, 3)}
    one = MixUp().prepare(model, batch)["label"].numpy()
    model.optimizer.iterations.assign(1)
    two = MixUp().prepare(model, batch)["label"].numpy()
    assert (one != two).any()


def test_a_mixup_law_that_does_not_exist():
    with pytest.raises(InvalidInput, match=r"no MixUp law 'bta'.*'beta'"):
        MixUp("bta")


def test_mixed_examples_bring_each_its_own_weight():
    """CE(mixed label) x weight = share w_i CE(y_i) + rest w_j CE(y_j)."""
    import tensorflow as tf

    from fsr_gdw_tf.regularisers.mixup import mix_weighted

    label, share = tf.eye(3)[:2], tf.constant([0.75, 0.6])
    weight, partner = tf.constant([1.0, 0.0]), tf.constant([1, 0])
    found = mix_weighted(label, weight, partner, share)
    np.testing.assert_allclose(found["weight"], [0.75, 0.4], rtol=1e-6)
    # Nothing of a label of weight 0 is left in either of them.
    np.testing.assert_allclose(found["label"], [[1, 0, 0], [1, 0, 0]])


def test_of_several_inputs_numbers_alone_are_mixed():
    model = Classifier.wrap(
        pair(lambda a, b: {"a": a, "b": b}), regularisers=[MixUp()]
    )
    model.compile()
    a = np.arange(24, dtype="float32").reshape(6, 4)
    inputs = {"a": a, "b": np.arange(6)}
    batch = {"inputs": inputs, "label": tf.one_hot([0, 1, 2] * 2, 3)}
    mixed = model.regularisers[0].prepare(model, batch)
    np.testing.assert_array_equal(mixed["inputs"]["b"], inputs["b"])
    assert (np.array(mixed["inputs"]["a"]) != a).any()
    assert mixed["unmixed_inputs"] is inputs
