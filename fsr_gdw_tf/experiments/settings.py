"""The types and ranges of the settings: the macros in capitals of gin files.

They are checked before anything is loaded. A setting that refers to something
else (`@Class()`, `%OTHER`) is checked where it is used.
"""

from collections.abc import Iterable
from typing import NamedTuple

import gin

from fsr_gdw_tf.errors import INF, InvalidInput, require_whole
from fsr_gdw_tf.experiments.choices import AUTO

KINDS = {
    "a whole number": (int,),
    "a number": (int, float),
    "True or False": (bool,),
    "a text in quotes": (str,),
    "a list of names": (list, tuple),
}


class Rule(NamedTuple):
    """What a setting may be; `others` are values besides those of its kind.

    With `open_low`, or `open_high`, the end of the range does not belong to it.
    """

    kind: str
    low: float = -INF
    high: float = INF
    others: tuple = ()
    open_low: bool = False
    open_high: bool = False

    @property
    def expected(self) -> str:
        """Return the rule in words."""
        others = "".join(f" or {other!r}" for other in self.others)
        return self.kind + others

    @property
    def span(self) -> str:
        """Return the range in words."""
        if self.high == INF:
            more = "more than {}" if self.open_low else "{} or more"
            return more.format(self.low)
        ends = "[("[self.open_low], "])"[self.open_high]
        return f"in {ends[0]}{self.low:g}, {self.high:g}{ends[1]}"

    def is_kind(self, value: object) -> bool:
        """Return whether a value is of the kind; True is no number."""
        kinds = KINDS[self.kind]
        if isinstance(value, list | tuple) and list in kinds:
            return bool(value) and all(isinstance(v, str) for v in value)
        return isinstance(value, kinds) and (
            bool in kinds or not isinstance(value, bool)
        )

    def in_range(self, value: float) -> bool:
        """Return whether a number is in the range; NaN is not."""
        above = self.low < value if self.open_low else self.low <= value
        below = value < self.high if self.open_high else value <= self.high
        return above and below and value not in (INF, -INF)


def whole(low: int, *others: object) -> Rule:
    """Return the rule for a whole number of `low` or more."""
    return Rule("a whole number", low, INF, others)


def number(low: float, high: float = INF, *others: object, **open_ends) -> Rule:
    """Return the rule for a number in a range."""
    return Rule("a number", low, high, others, **open_ends)


FLAG, TEXT = Rule("True or False"), Rule("a text in quotes")
TEXT_OR_NONE = Rule("a text in quotes", others=(None,))
RULES = {
    # 'auto' is chosen by looking at the data, see `automatic`.
    **dict.fromkeys(["EPOCHS", "BATCH_SIZE", "IMAGE_SIZE"], whole(1, AUTO)),
    **dict.fromkeys(["META_BATCH_SIZE", "STEPS_PER_EXECUTION"], whole(1)),
    **dict.fromkeys(["CLASSES", "SEED", "META_PER_CLASS"], whole(0)),
    **dict.fromkeys(["TRAIN_EXAMPLES", "REPLICAS"], whole(1, None)),
    **dict.fromkeys(["DICTIONARY", "REWARD_BATCH"], whole(1, None)),
    "SAVE_EVERY": whole(1, None),
    **dict.fromkeys(["WARMUP", "FSR_WARMUP"], number(0)),
    "FINETUNE_FROM": number(0, INF, AUTO),
    **dict.fromkeys(["L2", "RELABEL_WEIGHT"], number(0)),
    "LEARNING_RATE": number(0, INF, AUTO, open_low=True),
    "SMALLEST_CROP": number(0, 1, AUTO, open_low=True),
    "WEIGHT_NET_RATE": number(0, open_low=True),
    "OUTER_RATE": number(0, INF, None, open_low=True),
    "NOISE": number(0, 1),
    "FORGET_RATE": number(0, 1, open_high=True),
    "IMBALANCE": number(0, 1, open_low=True),
    "EMA": number(0, 1, None, open_low=True, open_high=True),
    **dict.fromkeys(["PER_REPLICA", "META_IN_TRAINING", "CACHE"], FLAG),
    **dict.fromkeys(["SYNC_BATCH_NORM", "TRACK_LABELS"], FLAG),
    **dict.fromkeys(
        ["JIT_COMPILE", "FROZEN"], Rule("True or False", others=(AUTO,))
    ),
    **dict.fromkeys(["MODE", "NOISE_KIND", "STRATEGY", "PRECISION"], TEXT),
    **dict.fromkeys(["SCOPE", "REWARD_FEATURES", "PUSHER", "META"], TEXT),
    **dict.fromkeys(["TRAIN_LIST", "NETWORK"], TEXT),
    **dict.fromkeys(["DEVICE", "CLEANED", "DATA_DIR"], TEXT_OR_NONE),
    **dict.fromkeys(["META_STATISTICS", "IMAGENET_DIR"], TEXT_OR_NONE),
    **dict.fromkeys(["TEST_LIST", "META_LIST", "META_DIR"], TEXT_OR_NONE),
    **dict.fromkeys(["WEIGHTS", "MENTOR"], TEXT_OR_NONE),
    "COMPARE": Rule("a list of names"),
}


def check(names: Iterable[str]) -> None:
    """Raise if one of these settings has a value that it may not have."""
    for name in sorted(RULES.keys() & set(names)):
        value = gin.query_parameter(f"%{name}")
        if not isinstance(value, gin.config.ConfigurableReference):
            _check(name, value, RULES[name])


def _check(name: str, value: object, rule: Rule) -> None:
    if value in rule.others:
        return
    if not rule.is_kind(value):
        raise InvalidInput(f"{name} must be {rule.expected}, got {value!r}")
    if rule.kind == "a whole number":
        require_whole(int(rule.low), **{name: value})
    elif isinstance(value, int | float) and not rule.in_range(value):
        raise InvalidInput(f"{name} must be {rule.span}, got {value!r}")
