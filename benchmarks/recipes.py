"""Methods of the benchmarks: a recipe of gin/methods/, and gin bindings.

A method is written as the name of a file in gin/methods/, perhaps followed by
bindings that change it, separated by spaces (and without any themselves):

    gdw
    gdw_head
    gdw VirtualStep.ahead=False MetaLoss.every=4
    gdw SCOPE='conv2d_21'
    fsr REWARD_FEATURES='fresh'

The scripts that measure a step know one more: `keras`, a stock Keras step.
"""

import functools
import re
from collections.abc import Sequence
from typing import NamedTuple

import gin
from environment import ROOT

from fsr_gdw_tf.errors import InvalidInput, suggest_names
from fsr_gdw_tf.experiments import gin_config
from fsr_gdw_tf.experiments.experiment import ClassifierConfig, Experiment
from fsr_gdw_tf.method import Method
from fsr_gdw_tf.methods.meta import MetaMethod

KERAS = "keras"
NAMES = sorted(
    (path.stem for path in ROOT.glob("gin/methods/*.gin")),
    key=lambda name: (name != "supervised", name),
)
# Networks are the benchmarks' own; without noise some methods warn.
BASE = ["ClassifierConfig.network=None", "NOISE=0.4"]


class Recipe(NamedTuple):
    """A file in gin/methods/, and the bindings that follow it."""

    name: str
    bindings: tuple[str, ...] = ()

    @property
    def file(self) -> str:
        """The gin file, as `--gin_file` takes it."""
        return f"gin/methods/{self.name}.gin"


def parse(text: str) -> Recipe:
    """Split a method into its recipe and bindings; the recipe must exist."""
    name, *bindings = text.split() or [""]
    if name == KERAS:
        raise InvalidInput(
            "keras is a stock Keras step, not a recipe: it takes no bindings, "
            "and step_cost.py alone measures it"
        )
    if name not in NAMES:
        names = suggest_names(name, [*NAMES, KERAS])
        raise InvalidInput(f"no method {name!r}: {names}")
    knobs = [binding.partition("=")[0] for binding in bindings]
    for knob in knobs:
        if knobs.count(knob) > 1:
            raise InvalidInput(f"{text} sets {knob} twice")
    return Recipe(name, tuple(bindings))


def load(recipe: Recipe, params: Sequence[str] = ()) -> ClassifierConfig:
    """Return what a recipe configures, all but the network.

    Bindings win over `params`, which win over the recipe's file.
    """
    bindings = [*BASE, *params, *recipe.bindings]
    gin_config.parse(["gin/base.gin", recipe.file], bindings)
    config = gin_config.instantiate(ClassifierConfig)
    require_used(recipe, config)
    return config


def require_used(recipe: Recipe, config: ClassifierConfig) -> None:
    """Reject bindings without effect: the row would repeat another one."""
    used = set(re.findall(r"^(\S+) = ", gin.operative_config_str(), re.M))
    used.add("META_IN_TRAINING")  # of the data
    if config.method.uses_meta:
        used.add("META_BATCH_SIZE")  # of the input pipeline
    for binding in recipe.bindings:
        knob = binding.partition("=")[0]
        if knob not in used:
            raise InvalidInput(
                f"{recipe.name} does not use {knob}: leave {binding!r} out"
            )


def scope(method: Method) -> str:
    """Return the scope of the virtual step; empty where there is none."""
    return method.scope if isinstance(method, MetaMethod) else ""


def meta_every(method: Method) -> int:
    """Return how many steps use one meta gradient."""
    return method.meta_loss.every if isinstance(method, MetaMethod) else 1


@functools.cache
def step_key(name: str) -> tuple:
    """Return what the cost of a method's step depends on.

    Recipes that differ in their data or constants alone have the same step,
    such as `gdw` and `gdw_clean`.
    """
    config = load(parse(name))
    method, dictionary = config.method, config.method.dictionary
    settings = ()
    if isinstance(method, MetaMethod):
        step, loss = method.virtual_step, method.meta_loss
        settings = method.scope, step.ahead, step.hypergradient
        settings += loss.statistics, loss.every
    return (
        type(method),
        tuple(type(regulariser) for regulariser in config.regularisers),
        settings,
        dictionary and dictionary.bank,
        method.uses_meta and gin_config.value("META_BATCH_SIZE"),
    )


@functools.cache
def clean_images(name: str) -> str:
    """Return where a method has clean images: "none", "apart", "in training".

    Apart are those that teach its weights, but do not train the network.
    """
    config = load(parse(name))
    if gin_config.value("META_IN_TRAINING"):
        return "in training"
    plan = gin_config.instantiate(Experiment).stages
    uses_meta = config.method.uses_meta or getattr(plan, "uses_meta", False)
    return "apart" if uses_meta else "none"


def folder_name(text: str) -> str:
    """Return a name for files out of the words of a method or a setting."""
    return "_".join(re.findall(r"[\w.]+", text))
