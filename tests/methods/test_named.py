"""A method from its name or its class."""

import keras
import numpy as np
import pytest

import fsr_gdw_tf
from fsr_gdw_tf import (
    ELR,
    FSR,
    GDW,
    Classifier,
    InvalidInput,
    MixUp,
    PosteriorWeights,
    Supervised,
    methods,
)
from fsr_gdw_tf.experiments import gin_config
from fsr_gdw_tf.experiments.experiment import Experiment
from fsr_gdw_tf.methods.named import IN_PYTHON, as_method, named_parts

SIMPLE = (int, float, str, tuple, type(None))  # True and False are integers


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        ("gdw", GDW),
        ("GDW", GDW),
        (GDW, GDW),
        (FSR, FSR),
        ("class_balanced", methods.ClassBalanced),
        ("ForwardCorrection", methods.ForwardCorrection),
    ],
)
def test_a_name_or_a_class_stands_for_a_method(given, kind):
    assert type(as_method(given)) is kind


def test_an_object_is_used_itself():
    method = GDW(cap=0.5)
    assert as_method(method) is method


@pytest.mark.parametrize(
    ("given", "kind"),
    [("posterior_weights", PosteriorWeights), ("ELR", ELR), ("mixup", MixUp)],
)
def test_the_name_of_a_regulariser_is_plain_training_with_it(given, kind):
    parts = named_parts(given)
    assert type(parts["method"]) is Supervised
    assert [type(r) for r in parts["regularisers"]] == [kind]


@pytest.mark.parametrize("given", [None, "default"])
def test_the_default_has_a_name(given):
    parts = named_parts(given)
    assert type(parts["method"]) is GDW and parts["method"].dictionary
    assert [type(r) for r in parts["regularisers"]] == [PosteriorWeights]


def simple_arguments(part) -> dict:
    """Return the settings of a method or a part of one, but networks."""
    values = {k: v for k, v in vars(part).items() if not k.startswith("_")}
    return {
        name: value
        for name, value in values.items()
        if isinstance(value, SIMPLE) and name not in ("name", "autocast")
    }


def whole(classifier: Classifier) -> list:
    """Return what a classifier is trained by, to be compared."""
    method = classifier.method
    parts = [method, *classifier.regularisers]
    virtual = getattr(method, "virtual_step", None)
    meta_loss = getattr(method, "meta_loss", None)
    arguments = [(type(part), simple_arguments(part)) for part in parts]
    return [arguments, virtual, meta_loss]


@pytest.mark.parametrize("recipe", sorted(IN_PYTHON))
def test_a_recipe_that_is_no_class_is_told_in_python(recipe):
    """What is told builds what the recipe builds."""
    with pytest.raises(InvalidInput, match="in Python it is Classifier"):
        as_method(recipe)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    names = {n: getattr(fsr_gdw_tf, n) for n in fsr_gdw_tf.__all__}
    expression, _, fit = IN_PYTHON[recipe].partition(" and fit")
    told = eval(expression, names, {"model": model})
    gin_config.parse(
        ["gin/digits.gin", f"gin/methods/{recipe}.gin"], ["WARMUP=0"]
    )
    built = gin_config.instantiate(Experiment).classifier()
    assert ("meta_in_training=True" in fit) is gin_config.value(
        "META_IN_TRAINING"
    )
    gin_config.gin.clear_config()
    assert whole(told) == whole(built)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("gdv", "no method 'gdv': did you mean 'gdw'"),
        ("posterior_weigths", "did you mean 'posterior_weights'"),
        ("supervised_claen", "did you mean 'supervised_clean'"),
        ("coteaching", r"write CoTeaching\(forget_rate=...\)"),
        (methods.FineTune, r"write FineTune\(start=...\)"),
        (3, "its class or its name, got int"),
        (np.ndarray, "its class or its name, got type"),
    ],
)
def test_wrong_names_are_answered(given, message):
    with pytest.raises(InvalidInput, match=message):
        as_method(given)


@pytest.mark.parametrize("method", [GDW, FSR])
def test_clean_examples_are_an_argument_of_fit(method):
    clean = np.zeros((2, 4)), np.zeros(2)
    with pytest.raises(InvalidInput) as raised:
        method(meta=clean)
    message = str(raised.value)
    assert "\n" not in message and "got a tuple" in message
    assert f"write {method.__name__}(meta=None) and classifier.fit" in message
