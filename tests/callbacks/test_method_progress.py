"""The callback that tells a method the epoch."""

import keras
import pytest
from support.method_cases import fit
from support.models import classifier

from fsr_gdw_tf import WeightNet
from fsr_gdw_tf.callbacks.method_progress import MethodProgress
from fsr_gdw_tf.methods import CRUST, FineTune, MWNet


def test_what_was_begun_before_a_crash_is_not_begun_again():
    """An epoch that is resumed in its middle keeps its selection."""
    model = classifier(CRUST(warmup=0))
    begun = []
    model.method.begin_epoch = lambda *args: begun.append(args)
    follow = MethodProgress(None)
    follow.set_model(model)
    for step, times in ((3, 0), (0, 1)):
        model.step.assign(step)
        follow.on_epoch_begin(2)
        assert len(begun) == times


def test_collapsed_weights_are_told_once():
    net = keras.Sequential(
        [keras.Input((1,)), keras.layers.Dense(1, "sigmoid")]
    )
    net.layers[0].kernel.assign([[0.0]])
    net.layers[0].bias.assign([9.0])
    model = classifier(MWNet(WeightNet(net)))
    with pytest.warns(UserWarning, match="all learned weights are the same"):
        fit(model, epochs=1)


@pytest.mark.parametrize(
    ("kind", "settings"), [(FineTune, {"start": 5}), (MWNet, {"warmup": 5})]
)
def test_a_method_that_never_starts_is_told(kind, settings):
    with pytest.warns(UserWarning, match="starts at epoch 5 of 2: this is pl"):
        fit(classifier(kind(**settings)), epochs=2)
