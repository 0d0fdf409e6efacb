"""Settings of the virtual step and of the meta loss."""

import dataclasses
from typing import TypeVar

import gin

from fsr_gdw_tf.errors import (
    INF,
    InvalidInput,
    require_annotated,
    require_range,
    require_whole,
    suggest_names,
)

OPTIMIZER, MOMENTUM = "optimizer", "momentum"
STATISTICS = ("batch", "moving", "joint")
EXACT, CENTRAL = "exact", "central_difference"
HYPERGRADIENTS = (EXACT, "finite_difference", CENTRAL)
T = TypeVar("T")


def fill_defaults(settings: T | None, defaults: T) -> T:
    """Replace the fields of a settings object that are None by defaults."""
    if settings is None:
        return defaults
    missing = {
        field.name: getattr(defaults, field.name)
        for field in dataclasses.fields(defaults)
        if getattr(settings, field.name) is None
    }
    return dataclasses.replace(settings, **missing)


@gin.register
@dataclasses.dataclass(frozen=True)
class VirtualStep:
    """Settings of the virtual step; None is the method's own default.

    rate: its learning rate; "optimizer" is the optimizer's current one.
    momentum: whether it uses the optimizer's momentum; "optimizer": if the
        optimizer has momentum.
    l2: whether it has the L2 of the real step.
    ahead: whether the virtual step is taken. False takes the meta gradient at
        the current weights, before the training batch is forwarded: a fifth
        cheaper, with a quarter less memory (ResNet-32, CPU); "momentum" at
        those that the optimizer's momentum alone leads to, at the same cost.
    hypergradient: "exact", by a second-order gradient, or from how the logits
        change along the meta gradient: by a "finite_difference", one more
        forward pass, or a "central_difference", two. See
        `lookahead/finite_difference.py` for their errors.
    """

    rate: float | str | None = None
    momentum: bool | str | None = None
    l2: bool | None = None
    ahead: bool | str | None = None
    hypergradient: str | None = None

    def __post_init__(self):
        require_annotated(type(self), vars(self))
        if self.hypergradient not in (None, *HYPERGRADIENTS):
            names = suggest_names(self.hypergradient, HYPERGRADIENTS)
            raise InvalidInput(
                f"no hypergradient {self.hypergradient!r}: {names}"
            )
        for name, types, expected in (
            ("rate", (int, float), "a number"),
            ("momentum", bool, "True, False"),
            ("ahead", bool, "True, False"),
        ):
            value = getattr(self, name)
            word = MOMENTUM if name == "ahead" else OPTIMIZER
            if not (value in (None, word) or isinstance(value, types)):
                raise InvalidInput(
                    f"{name} of a virtual step must be {expected} or "
                    f"{word!r}, got {value!r}"
                )
        if isinstance(self.rate, (int, float)):
            require_range(0, INF, rate=self.rate)

    @property
    def uses_batch(self) -> bool:
        """Return whether the meta gradient depends on the training batch."""
        return self.ahead is True


@gin.register
@dataclasses.dataclass(frozen=True)
class MetaLoss:
    """Settings of the meta batch's loss; None is the method's own default.

    l2: whether it has the L2 of the variables in the scope.
    smoothing: label smoothing of the meta labels.
    statistics: what batch normalisation uses for the meta batch: its own
        statistics ("batch", as in the papers' code), the "moving" ones, or
        those of the meta batch and the un-mixed training batch together
        ("joint", FSR's code). The default is "moving" for the scope "head",
        as features with batch statistics differ from those at test time and
        such a head learns little; otherwise "batch".
    every: compute its gradient every so many steps (needs `ahead=False` or
        "momentum"), and reuse it in the steps between.
    average: share of the last steps' mean gradient v in the one that is used,
        v <- average v + (1 - average) gradient: lowers the noise of a meta
        batch that is smaller than the training batch.
    """

    l2: bool | None = None
    smoothing: float | None = None
    statistics: str | None = None
    every: int | None = None
    average: float | None = None

    def __post_init__(self):
        require_annotated(type(self), vars(self))
        if self.statistics not in (None, *STATISTICS):
            names = suggest_names(self.statistics, STATISTICS)
            raise InvalidInput(
                f"no statistics {self.statistics!r} of a meta loss: {names}"
            )
        require_range(0, 1, smoothing=self.smoothing or 0)
        if not 0 <= (self.average or 0) < 1:
            raise InvalidInput(
                "average is a share of a meta loss's gradient, from 0 to "
                f"below 1, got {self.average!r}"
            )
        require_whole(1, every=1 if self.every is None else self.every)
