"""Methods of the benchmarks: recipes, bindings, and which steps are alike."""

import re

import pytest
import recipes
from recipes import Recipe

from fsr_gdw_tf import InvalidInput
from fsr_gdw_tf.methods import METHODS


def load(method: str):
    return recipes.load(recipes.parse(method))


def test_a_method_is_a_recipe_and_its_bindings():
    assert recipes.parse("gdw_head") == Recipe("gdw_head")
    recipe = recipes.parse("gdw VirtualStep.ahead=False  META_BATCH_SIZE=25")
    assert recipe == Recipe(
        "gdw", ("VirtualStep.ahead=False", "META_BATCH_SIZE=25")
    )
    assert recipe.file == "gin/methods/gdw.gin"


def test_every_recipe_is_a_method_and_plain_training_is_the_first():
    assert recipes.NAMES[0] == "supervised" and "gdw" in recipes.NAMES
    for name in recipes.NAMES:
        assert type(load(name).method) in METHODS, name


def test_bindings_win_over_parameters_and_those_over_the_recipe():
    method = "gdw_head VirtualStep.ahead=False"
    config = recipes.load(recipes.parse(method), ["SCOPE='all'"])
    assert config.method.scope == "all"
    assert not config.method.virtual_step.ahead
    method = "gdw_head SCOPE='conv2'"
    config = recipes.load(recipes.parse(method), ["SCOPE='all'"])
    assert config.method.scope == "conv2"


@pytest.mark.parametrize(
    ("method", "message"),
    [
        ("gwd", "no method 'gwd': did you mean 'gdw'"),
        ("", "no method ''"),
        ("keras", "keras is a stock Keras step, not a recipe"),
        ("keras VirtualStep.ahead=False", "it takes no bindings"),
        ("gdw head", "must be NAME=VALUE, got 'head'"),
        ("gdw SCOPE=head", "SCOPE=head.*strings need quotes"),
        ("gdw SCOP='head'", "no setting 'SCOP': did you mean 'SCOPE'"),
        ("gdw GDW.haed=False", "GDW has no parameter 'haed': choose one of"),
        ("gdw SCOPE='head' SCOPE='all'", "sets SCOPE twice"),
        (
            "gdw META_BATCH_SIZE=5 META_BATCH_SIZE=6",
            "sets META_BATCH_SIZE twice",
        ),
        ("gdw MetaLoss.every=4", r"every=4\) needs VirtualStep\(ahead=False"),
        ("gdw MetaLoss.every=0", "every must be 1 or more, got 0"),
        (
            "gdw VirtualStep.ahead=False MetaLoss.every=0",
            "every must be 1 or more, got 0",
        ),
        (
            "fsr META_STATISTICS='joint'",
            "a bank stores features, so there are no reward images",
        ),
    ],
)
def test_what_cannot_be_built_is_told_in_one_line(method, message):
    with pytest.raises(InvalidInput) as caught:
        load(method)
    assert re.search(message, str(caught.value).splitlines()[0])


@pytest.mark.parametrize(
    ("method", "knob"),
    [
        ("supervised SCOPE='head'", "SCOPE"),
        ("mixup VirtualStep.ahead=False", "VirtualStep.ahead"),
        ("mixup Relabel.weight=1.0", "Relabel.weight"),
        ("fsr_raw MixUp.law='beta'", "MixUp.law"),
        ("supervised META_BATCH_SIZE=50", "META_BATCH_SIZE"),
        ("fsr META_BATCH_SIZE=50", "META_BATCH_SIZE"),
        ("gdw_dictionary META_BATCH_SIZE=9", "META_BATCH_SIZE"),
    ],
)
def test_bindings_without_effect_are_rejected(method, knob):
    recipe = method.split()[0]
    with pytest.raises(InvalidInput, match=f"{recipe} does not use {knob}: "):
        load(method)


@pytest.mark.parametrize(
    "method",
    [
        "finetune META_BATCH_SIZE=50",
        "fsr_meta META_BATCH_SIZE=50",
        "l2rw SCOPE='head' VirtualStep.ahead=False",
        "gdw META_IN_TRAINING=True",
        "fsr REWARD_FEATURES='fresh' META_STATISTICS='joint'",
    ],
)
def test_bindings_with_an_effect_are_accepted(method):
    load(method)


def test_recipes_whose_steps_cost_the_same_share_a_key():
    """All but data and constants: the same parts, the same scope."""
    joint = "fsr REWARD_FEATURES='fresh' META_STATISTICS='joint'"
    for one, other in (
        ("gdw_clean", "gdw"),
        ("gdw_unconstrained", "gdw"),
        ("gdw_head", "gdw SCOPE='head'"),
        ("fsr_official", joint),
        ("fsr_longtail", "fsr_raw"),
        ("supervised_clean", "supervised"),
        ("label_smoothing", "supervised"),
        ("class_balanced_deferred", "class_balanced"),
    ):
        assert recipes.step_key(one) == recipes.step_key(other), one
    others = ["supervised", "mixup", "relabel", "mixup_relabel", "fsr", joint]
    others += ["fsr_raw", "fsr_raw REWARD_FEATURES='bank'", "gdw", "gdw_head"]
    others += [
        "gdw VirtualStep.ahead=False",
        "gdw VirtualStep.ahead=False MetaLoss.every=4",
    ]
    others += ["gdw VirtualStep.hypergradient='finite_difference'"]
    others += ["gdw META_BATCH_SIZE=50", "gdw_dictionary", "mwnet", "fsr_meta"]
    others += ["gdw_dictionary_raw", f"{joint} FSR.scope='all'"]
    assert len({*map(recipes.step_key, others)}) == len(others)


def test_recipes_say_where_their_clean_images_are():
    for where, names in (
        ("none", "supervised mixup_relabel fsr fsr_raw gdw_dictionary elr"),
        ("apart", "gdw mwnet l2rw fsr_meta finetune gdw_head"),
        ("in training", "default_clean gdw_clean supervised_clean glc"),
    ):
        for name in names.split():
            assert recipes.clean_images(name) == where, name
    assert recipes.clean_images("gdw VirtualStep.ahead=False") == "apart"


def test_names_of_folders_are_words():
    setting = "long tail .1 + uniform 40 %"
    assert recipes.folder_name(setting) == "long_tail_.1_uniform_40"
    method = "gdw SCOPE='conv2d_2' VirtualStep.ahead=False"
    name = "gdw_SCOPE_conv2d_2_VirtualStep.ahead_False"
    assert recipes.folder_name(method) == name
    assert recipes.folder_name("../x") == ".._x"
