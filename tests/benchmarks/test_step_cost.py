"""The cost table has its columns, its unit, and clear errors."""

import keras
import numpy as np
import pytest
import recipes
import step_cost
import tensorflow as tf
from recipes import KERAS

from fsr_gdw_tf import InvalidInput
from fsr_gdw_tf.methods import METHODS
from fsr_gdw_tf.networks.scope import scope_variables
from fsr_gdw_tf.regularisers import REGULARISERS

SMALL = [
    *("--network=small_cnn", "--size=8", "--batch=10", "--meta_batch=5"),
    *("--examples=40", "--reward_batch=10"),
]
# A recipe for each method and each regulariser.
ONE_OF_EACH = [
    "supervised",
    "focal",
    "class_balanced",
    "gce",
    "forward_correction",
    "glc",
    "coteaching",
    "mentornet",
    "crust",
    "d2l",
    "pencil",
    "finetune",
    "soft_label",
    "gen_label",
    "insw",
    "l2rw",
    "mwnet",
    "gdw",
    "mixup",
    "remix",
    "relabel",
    "elr",
]
ONE_OF_EACH += ["fsr REWARD_FEATURES='fresh'", "posterior_weights"]


@pytest.fixture
def small():
    """Set the flags of a tiny network."""
    step_cost.FLAGS(["benchmark", *SMALL])


@pytest.mark.slow
def test_an_unknown_method_ends_in_one_line(run_script):
    ended = run_script("step_cost", "--methods=gwd")
    assert ended.returncode == 2 and "Traceback" not in ended.stderr
    assert "no method 'gwd': did you mean 'gdw'" in ended.stderr


@pytest.mark.slow
def test_an_unknown_network_ends_in_one_line(run_script):
    ended = run_script("step_cost", "--network=resnet33")
    assert ended.returncode == 2 and "Traceback" not in ended.stderr
    assert "small_cnn|tiny_cnn|resnet32" in ended.stderr.splitlines()[-1]


def test_what_the_data_cannot_give_is_an_error(small):
    with pytest.raises(InvalidInput, match="must be 1 or more, got 0"):
        step_cost.build("gdw META_BATCH_SIZE=0")
    with pytest.raises(InvalidInput, match="keras is a stock Keras step"):
        step_cost.build("keras VirtualStep.ahead=False")


def test_what_is_measured_is_what_the_recipe_says(small):
    model, pipeline = step_cost.build(
        "gdw VirtualStep.ahead=False MetaLoss.every=4"
    )
    assert not model.method.virtual_step.ahead
    assert step_cost.meta_every(model) == 4
    assert (model.l2, pipeline.batch_size) == (5e-4, 10)
    assert model.training_dynamics and not model.average
    model, _ = step_cost.build("fsr")
    dictionary = model.method.dictionary
    assert dictionary.bank
    assert (dictionary.size, dictionary.reward_batch) == (40, 10)
    kinds = [type(part).__name__ for part in model.regularisers]
    assert kinds == ["MixUp", "Relabel"]
    assert model.method.meta_loss.statistics == "moving"
    model, _ = step_cost.build("gdw_dictionary")
    assert model.method.meta_loss.statistics == "joint"
    assert not step_cost.build("fsr_raw")[0].regularisers
    assert step_cost.build("finetune")[0].method.warmup == 0
    assert step_cost.build("coteaching")[0].method.forget_rate == 0.2


def test_meta_batches_are_as_large_as_the_method_says(small):
    for method, size in (
        ("gdw", 5),
        ("gdw META_BATCH_SIZE=3", 3),
        ("l2rw META_BATCH_SIZE=12", 12),
    ):
        data = step_cost.dataset(*step_cost.build(method))
        assert next(iter(data))["meta_inputs"].shape[0] == size


def test_there_is_a_recipe_for_each_method_and_regulariser():
    configs = [recipes.load(recipes.parse(method)) for method in ONE_OF_EACH]
    kinds = {type(config.method) for config in configs}
    kinds |= {type(r) for config in configs for r in config.regularisers}
    assert kinds == {*METHODS, *REGULARISERS}


@pytest.mark.parametrize("method", [*ONE_OF_EACH, KERAS])
def test_every_method_can_be_measured(method):
    """Take a step of each, on a tiny network, without tracing it."""
    step_cost.FLAGS(["benchmark", *SMALL, "--size=4"])
    model, pipeline = step_cost.build(method)
    model.run_eagerly = True
    logs = step_cost.stepper(model, pipeline)()
    assert np.isfinite(logs["loss"])


def test_a_scope_is_the_same_however_many_were_built_before(small):
    """Two of three convolutions, their normalisations (2 each), the head."""
    for _ in range(2):
        model, _ = step_cost.build("gdw SCOPE='conv2d_1'")
        assert len(scope_variables(model, model.method.scope)) == 2 + 4 + 2


def test_stock_keras_takes_the_step_that_plain_takes_without_l2(small):
    """The same network, batch, loss and optimizer."""
    (ours, pipeline), (stock, _) = map(step_cost.build, ("supervised", KERAS))
    ours.l2 = 0.0
    for v, same in zip(
        stock.trainable_variables, ours.network_variables, strict=True
    ):
        v.assign(same)
    before = [v.numpy() for v in stock.trainable_variables]
    logs = [step_cost.stepper(model, pipeline)() for model in (ours, stock)]
    assert logs[0]["loss"] == pytest.approx(logs[1]["loss"], rel=1e-5)
    for old, mine, its in zip(
        before, ours.network_variables, stock.trainable_variables, strict=True
    ):
        np.testing.assert_allclose(mine, its, 1e-4, 1e-6)
        assert (old != its.numpy()).any()
    assert isinstance(stock, keras.Model) and not stock.losses


def test_the_peak_of_a_step_holds_its_activations():
    """Of 100 images: 16 x 16 pixels, 32 channels, 4 bytes are 3.1 MiB.

    Convolution and normalisation each keep such a tensor for the way back.
    """
    flags = ["--size=16", "--batch=100", "--examples=100"]
    step_cost.FLAGS(["benchmark", *SMALL, *flags])
    try:
        tf.config.experimental.get_memory_info("CPU:0")
    except ValueError:
        pytest.skip("TensorFlow keeps no account of this processor's memory")
    held = 100 * 16 * 16 * 32 * 4
    assert step_cost.peak_memory("supervised") > 2 * held


def test_of_steps_that_take_turns_each_kind_counts():
    """One step in three is slow: (9 + 1 + 1) / 3 is not a median."""
    seconds = [9.0, 1.0, 1.0, 9.0, 1.0, 1.0, 99.0]
    assert step_cost.typical(seconds, 3) == pytest.approx(11 / 3)
    assert step_cost.typical(seconds) == 1.0
    with pytest.raises(
        InvalidInput, match="4 kinds need as many rounds, got 3"
    ):
        step_cost.typical([1.0, 2.0, 3.0], 4)
