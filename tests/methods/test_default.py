"""The default of `Classifier.wrap` is a recipe."""

from fsr_gdw_tf.experiments import gin_config
from fsr_gdw_tf.experiments.experiment import Experiment
from fsr_gdw_tf.methods.default import default_method

OWN = ("scope", "warmup", "virtual_step", "meta_loss", "cap", "outer_rate")


def test_it_is_the_method_of_gdw_dictionary_raw():
    file = "gin/methods/gdw_dictionary_raw.gin"
    gin_config.parse(["gin/digits.gin", file], [])
    classifier = gin_config.instantiate(Experiment).classifier()
    gin_config.gin.clear_config()
    recipe, default = classifier.method, default_method()
    assert type(recipe) is type(default) and not classifier.regularisers
    for name in OWN:
        assert getattr(recipe, name) == getattr(default, name), name
    assert recipe.weight_net.normalise and default.weight_net.normalise
    for name in ("size", "reward_batch", "pusher", "bank", "same_draw"):
        one, other = (m.dictionary for m in (recipe, default))
        assert getattr(one, name) == getattr(other, name), name
