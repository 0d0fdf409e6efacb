"""The default of `Classifier.wrap` is a recipe."""

import pytest

from fsr_gdw_tf.experiments import gin_config
from fsr_gdw_tf.experiments.experiment import Experiment
from fsr_gdw_tf.methods.default import default_parts

OWN = ("scope", "warmup", "virtual_step", "meta_loss", "cap", "outer_rate")


def test_it_is_what_default_gin_trains_with():
    file = "gin/methods/default.gin"
    gin_config.parse(["gin/digits.gin", file], [])
    classifier = gin_config.instantiate(Experiment).classifier()
    gin_config.gin.clear_config()
    parts = default_parts()
    recipe, default = classifier.method, parts["method"]
    assert type(recipe) is type(default)
    (one,), (other,) = classifier.regularisers, parts["regularisers"]
    assert type(one) is type(other)
    assert (one.warmup, one.top) == (other.warmup, other.top)
    for name in OWN:
        assert getattr(recipe, name) == getattr(default, name), name
    for net in (recipe.weight_net, default.weight_net):
        assert net.normalise
        assert float(net.optimizer.learning_rate) == pytest.approx(3e-4)
    for name in ("size", "reward_batch", "pusher", "bank", "same_draw"):
        one, other = (m.dictionary for m in (recipe, default))
        assert getattr(one, name) == getattr(other, name), name
