"""Every gin file builds what its name and its card say."""

import re

import numpy as np
import pytest
from support.paths import ROOT, RUN_FILES

from fsr_gdw_tf import Classifier
from fsr_gdw_tf.experiments import gin_config
from fsr_gdw_tf.experiments.experiment import Experiment
from fsr_gdw_tf.methods import METHODS
from fsr_gdw_tf.regularisers import REGULARISERS

PARTS = sorted(str(p.relative_to(ROOT)) for p in ROOT.glob("gin/*/*.gin"))


@pytest.mark.parametrize("recipe", RUN_FILES)
def test_run_file_opens_with_its_recipe_card(recipe):
    card = (ROOT / "gin" / recipe).read_text().split("\ninclude")[0]
    assert all(line.startswith("#") for line in card.splitlines())
    for heading in ("# Trains:", "# Paper:", "# Run:"):
        assert heading in card
    assert f"--gin_file=gin/{recipe}" in card


@pytest.mark.parametrize("part", PARTS)
def test_part_goes_with_the_base(part):
    gin_config.parse(["gin/digits_all.gin", part])
    built = gin_config.instantiate(Experiment)
    assert callable(built.data) and built.epochs == 60


@pytest.mark.parametrize("path", sorted(ROOT.glob("gin/methods/*.gin")))
def test_method_file_builds_its_method(path):
    """The name of the file is the name of what it sets."""
    gin_config.parse(["gin/digits.gin", f"gin/methods/{path.name}"])
    experiment = gin_config.instantiate(Experiment)
    classifier = experiment.classifier()
    parts = [classifier.method, *classifier.regularisers]
    names = [type(p).__name__.lower() for p in parts]
    if experiment.stages:  # a plan of several runs gives its name
        names.append(experiment.stages.__name__)
    words = path.stem.replace("label_smoothing", "supervised").split("_")
    heads = {"".join(words[:k]) for k in range(1, len(words) + 1)}
    if words[0] == "default":
        assert names == ["gdw", "posteriorweights"]
    else:
        assert heads & set(names)
    if path.stem == "label_smoothing":
        assert classifier.method.smoothing == 0.1
    if path.stem.endswith("_clean"):
        assert experiment.data().meta_in_training
    if path.stem == "gdw_head":
        assert classifier.method.scope == "head"


def test_every_method_has_its_file():
    stems = {p.stem.replace("_", "") for p in ROOT.glob("gin/methods/*.gin")}
    assert {m.__name__.lower() for m in METHODS} <= stems
    assert {r.__name__.lower() for r in REGULARISERS} <= stems


@pytest.mark.parametrize(
    ("recipe", "expected"),
    [
        ("cifar10_noise", {"outer_rate": 100.0, "cap": 0.999, "clip": 0.2}),
        ("cifar100_noise", {"outer_rate": 1000.0, "floor": 1e-6, "l2": 1e-4}),
        ("cifar10_longtail", {"outer_rate": 100.0, "warmup": 0}),
        ("cifar100_longtail", {"outer_rate": 1000.0, "scope": "all"}),
    ],
)
def test_gdws_recipes_build_gdws_constants(recipe, expected):
    gin_config.parse([f"gin/{recipe}.gin"])
    experiment = gin_config.instantiate(Experiment)
    classifier = experiment.classifier()
    method, net = classifier.method, classifier.method.weight_net
    owners = {"l2": net}
    values = {n: getattr(owners.get(n, method), n) for n in expected}
    assert values == expected
    assert float(net.optimizer.learning_rate) == pytest.approx(1e-3)
    assert (classifier.l2, experiment.epochs) == (5e-4, 80)
    assert (
        experiment.pipeline.batch_size
        == experiment.pipeline.meta_batch_size
        == 100
    )
    assert float(experiment.schedule()(40)) == pytest.approx(0.05)


# Table 4 of FSR and its scripts: K, q, E, rule, p (None: no re-labelling),
# epochs, batch, and the learning rate at the beginning of some epochs.
FSR_TABLE = {
    "fsr_cifar10_noise": (
        *(2000, 200, 20, "clip", 2.0, 127, 100),
        {0: 0.1, 1: 0.09, 3: 0.081, 63: 0.1 * 0.9**6},
    ),
    "fsr_cifar100_noise": (2000, 200, 20, "clip", 2.0, 127, 100, {0: 0.1}),
    "fsr_cifar10_longtail": (
        *(3000, 800, 160, "shift", None, 200, 128),
        {0: 0.1, 159: 0.1, 160: 1e-3, 179: 1e-3, 180: 1e-5},
    ),
    "fsr_cifar100_longtail": (
        *(3000, 800, 160, "shift", None, 200, 128),
        {0: 0.1},
    ),
    "fsr_cifar10_longtail_noise": (
        *(2000, 200, 160, "clip", 2.0, 200, 128),
        {160: 1e-3},
    ),
    "webvision": (
        *(5000, 200, 20, "clip", 1.0, 130, 128),
        {0: 0, 1.5: 0.05, 3: 0.1, 4: 0.09},
    ),
    "inaturalist": (
        *(2000, 350, 60, "shift", None, 90, 256),
        {0: 0.1, 29: 0.1, 30: 0.01, 60: 1e-3, 80: 1e-4},
    ),
}


@pytest.mark.parametrize("recipe", FSR_TABLE)
def test_fsrs_recipes_build_fsrs_constants(recipe):
    gin_config.parse([f"gin/{recipe}.gin"])
    experiment = gin_config.instantiate(Experiment)
    classifier = experiment.classifier()
    method, extras = classifier.method, classifier.regularisers
    dictionary = method.dictionary
    found = (
        *(dictionary.size, dictionary.reward_batch, method.warmup),
        *(method.rule.__name__, extras[-1].weight if extras else None),
        *(experiment.epochs, experiment.pipeline.batch_size),
    )
    *expected, rates = FSR_TABLE[recipe]
    assert list(found) == expected
    assert method.virtual_step.rate == 0.1
    assert dictionary.pusher.__name__ == "meta_margin" and not dictionary.bank
    assert (method.meta_loss.statistics, method.scope) == ("joint", "head")
    assert method.virtual_step.l2 and method.meta_loss.l2
    assert classifier.ema == 0.999
    assert [type(e).__name__ for e in extras] in ([], ["MixUp", "Relabel"])
    longtail = expected[3] == "shift"
    assert method.smoothing == (0.1 if longtail else 0.0)
    schedule = experiment.schedule()
    for epoch, rate in rates.items():
        assert float(schedule(float(epoch))) == pytest.approx(rate, rel=1e-4)


def test_digits_recipe_is_what_its_card_says():
    gin_config.parse(["gin/digits.gin"])
    experiment = gin_config.instantiate(Experiment)
    splits, classifier = experiment.prepare()
    assert isinstance(classifier, Classifier)
    sizes = len(splits.train), len(splits.meta), len(splits.test)
    assert sizes == (1247, 50, 500)
    wrong = np.mean(splits.train.labels != splits.train.true_labels)
    assert 0.36 < wrong < 0.44
    assert classifier.l2 == 5e-4 and classifier.optimizer.momentum == 0.9
    assert float(classifier.optimizer.learning_rate) == pytest.approx(0.1)


def test_knobs_of_the_base_are_explained():
    lines = (ROOT / "gin" / "base.gin").read_text().splitlines()
    knobs = [line for line in lines if re.match(r"[A-Z0-9_]+ = ", line)]
    assert len(knobs) > 10
    silent = [k for k in knobs if "#" not in k]
    known = {"EPOCHS", "BATCH_SIZE", "META_BATCH_SIZE", "LEARNING_RATE"}
    assert {k.split(" = ")[0] for k in silent} <= known
