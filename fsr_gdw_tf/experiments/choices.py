"""Choose settings for images in files by looking at them.

The rules are small tables, in the order in which they are applied; each later
choice depends on the earlier ones. A setting that the user sets is kept, and
the others are chosen to go with it.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

AUTO = "auto"
SIZES = (32, 48, 64, 96, 128, 160, 224)  # pixels that images are resized to
SMALL_NETWORK, LARGE_NETWORK = "photo_cnn", "resnet18"
# Largest size without weights, for fewer images than this.
SIZE_LIMITS = ((2_000, 64), (20_000, 96), (math.inf, 128))
PRETRAINED_SIZE = 224  # which published weights were trained with
FEW = 2_000  # images, below which a small network is used
FROZEN_BELOW = 1_000  # images, with weights
STEPS_PER_EPOCH = 5  # at least, for which small batches are used
BATCH_SIZES = ((10_000, 32), (100_000, 64), (math.inf, 128))
MIN_BATCH_SIZE = 4
STEPS = 1_000  # of training, at least, within the limits of epochs
EPOCHS = (30, 60)  # at least, and at most
RATE, RATE_BATCH_SIZE = 0.1, 128  # as in FSR's long-tail recipes
PRETRAINED_RATE = 0.1  # of the rate without weights
FINETUNE = 5 / 6  # the epochs before FineTune uses clean images alone


class DataFacts(NamedTuple):
    """What looking at the images told: their number, and typical sides."""

    images: int
    classes: int
    height: int
    width: int
    is_grey: bool = False


class Choice(NamedTuple):
    """The value of a setting, and the reason for it."""

    value: Any
    reason: str


def choose(
    facts: DataFacts, fixed: Mapping[str, Any] = {}
) -> dict[str, Choice]:
    """Return a choice for each setting in RULES.

    fixed: settings with a value of the user, which are not chosen; WEIGHTS is
        None unless it is among them.
    """
    known, choices = {"WEIGHTS": None, **fixed}, {}
    for name, rule in RULES.items():
        if name in fixed:
            choices[name] = Choice(fixed[name], "as you set it")
            continue
        choices[name] = rule(facts, known)
        known[name] = choices[name].value
    return choices


def _limit(table: tuple, images: int) -> int:
    """Return the value of the first row of more than these images."""
    return next(value for below, value in table if images < below)


def _image_size(facts: DataFacts, known: Mapping) -> Choice:
    side = min(facts.height, facts.width)
    below = [size for size in SIZES if size <= side] or [SIZES[0]]
    if known["WEIGHTS"]:
        limit, why = PRETRAINED_SIZE, "the size that weights are trained with"
    else:
        limit = _limit(SIZE_LIMITS, facts.images)
        why = f"{facts.images:,} images teach no finer details"
    if below[-1] > limit:
        return Choice(limit, why)
    why = f"the images are typically {facts.width} x {facts.height}"
    return Choice(below[-1], why)


def _network(facts: DataFacts, known: Mapping) -> Choice:
    if known["WEIGHTS"]:
        return Choice(LARGE_NETWORK, "WEIGHTS are set; name their network")
    if facts.images < FEW:
        why = f"{facts.images:,} images are few for a large network"
        return Choice(SMALL_NETWORK, why)
    if known["IMAGE_SIZE"] < 64:
        return Choice(SMALL_NETWORK, "the images are small")
    return Choice(LARGE_NETWORK, f"{facts.images:,} images of some size")


def _frozen(facts: DataFacts, known: Mapping) -> Choice:
    if not known["WEIGHTS"]:
        return Choice(False, "there are no WEIGHTS to keep")
    if facts.images < FROZEN_BELOW:
        return Choice(True, f"{facts.images:,} images train the last layer")
    return Choice(False, f"{facts.images:,} images are enough to adapt WEIGHTS")


def _batch_size(facts: DataFacts, known: Mapping) -> Choice:
    usual = _limit(BATCH_SIZES, facts.images)
    share = max(facts.images // STEPS_PER_EPOCH, 1)
    small = max(MIN_BATCH_SIZE, 2 ** int(math.log2(share)))
    if small >= usual:
        return Choice(usual, "usual for so many images")
    size = min(small, facts.images)
    return Choice(size, f"an epoch has {facts.images // size} steps with it")


def _epochs(facts: DataFacts, known: Mapping) -> Choice:
    steps = max(facts.images // known["BATCH_SIZE"], 1)
    low, high = EPOCHS
    epochs = min(max(math.ceil(STEPS / steps), low), high)
    return Choice(epochs, f"{epochs * steps:,} steps in all")


def _learning_rate(facts: DataFacts, known: Mapping) -> Choice:
    rate = min(RATE * known["BATCH_SIZE"] / RATE_BATCH_SIZE, RATE)
    why = f"{RATE:g} for batches of {RATE_BATCH_SIZE}, in proportion"
    if known["WEIGHTS"] and not known["FROZEN"]:
        rate, why = PRETRAINED_RATE * rate, f"{why}, a tenth for WEIGHTS"
    return Choice(float(f"{rate:.2g}"), why)


def _smallest_crop(facts: DataFacts, known: Mapping) -> Choice:
    if facts.images < FEW:
        return Choice(0.35, "smaller parts often miss the object")
    return Choice(0.08, "as is usual for many photos")


def _finetune_from(facts: DataFacts, known: Mapping) -> Choice:
    return Choice(
        round(FINETUNE * known["EPOCHS"]), "the last sixth of the epochs"
    )


RULES: dict[str, Callable[[DataFacts, Mapping], Choice]] = {
    "IMAGE_SIZE": _image_size,
    "NETWORK": _network,
    "FROZEN": _frozen,
    "BATCH_SIZE": _batch_size,
    "EPOCHS": _epochs,
    "LEARNING_RATE": _learning_rate,
    "SMALLEST_CROP": _smallest_crop,
    "FINETUNE_FROM": _finetune_from,
}
