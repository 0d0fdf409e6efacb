"""MWNet: the weight net and its warm-up."""

import keras
import numpy as np
from support.method_cases import fit
from support.models import blob_source, classifier, mislabelled

from fsr_gdw_tf import InputPipeline, WeightNet
from fsr_gdw_tf.methods import MWNet
from fsr_gdw_tf.optimizers import Adam


def test_during_the_warmup_all_weights_are_one_and_the_net_rests():
    model = classifier(MWNet(warmup=2))
    before = [
        v.numpy() for v in model.method.weight_net.net.trainable_variables
    ]
    logs = fit(model, epochs=2)
    assert logs["weight_mean"] == [1.0, 1.0] and logs["weight_std"] == [0, 0]
    after = [v.numpy() for v in model.method.weight_net.net.trainable_variables]
    for a, b in zip(before, after, strict=True):
        np.testing.assert_array_equal(a, b)
    assert model.method.weight_net.optimizer.iterations == 0
    logs = fit(model, epochs=3, initial_epoch=2)
    assert logs["weight_std"][0] > 0
    assert model.method.weight_net.optimizer.iterations == 1, (
        "one step per epoch"
    )


def test_without_a_warmup_the_net_can_end_at_one_for_everybody():
    """Why there is a warm-up: the same net, rate and data as above."""
    model = classifier(MWNet(WeightNet(optimizer=Adam(1e-2))))
    clean = blob_source(n=12, seed=7)
    logs = model.fit(
        mislabelled(), meta=clean, batch_size=30, epochs=15, verbose=0
    ).history
    assert logs["weight_mislabelled"][-1] > 0.98


def test_after_the_warmup_the_net_starts_like_a_new_one():
    """No trace of the zero gradients is left in Adam."""
    late, fresh = classifier(MWNet(warmup=1)), None
    fit(late, epochs=1)
    keras.utils.set_random_seed(0)
    fresh = classifier(MWNet())
    fresh.setup(blob_source(), InputPipeline())
    for a, b in zip(fresh.state, late.state, strict=True):
        a.assign(b)
    for model in (late, fresh):
        fit(model, epochs=3, initial_epoch=1)
    for a, b in zip(late.state, fresh.state, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())
