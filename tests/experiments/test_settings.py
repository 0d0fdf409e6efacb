"""Settings of a wrong type, or out of range, are told before a run."""

from pathlib import Path

import pytest

from fsr_gdw_tf import InvalidInput
from fsr_gdw_tf.experiments import (
    gin_config,
    modes,  # noqa: F401, it imports all that recipes name
    settings,
)

ROOT = Path(__file__).parents[2]
WRONG = {
    "EPOCHS='10'": "EPOCHS must be a whole number or 'auto', got '10'",
    "EPOCHS=2.5": "EPOCHS must be a whole number or 'auto', got 2.5",
    "EPOCHS=True": "EPOCHS must be a whole number or 'auto', got True",
    "EPOCHS=0": "EPOCHS must be 1 or more, got 0",
    "EMA=1.5": "EMA must be in (0, 1), got 1.5",
    "EMA=1": "EMA must be in (0, 1), got 1",
    "EMA='0.9'": "EMA must be a number or None, got '0.9'",
    "L2=-1": "L2 must be 0 or more, got -1",
    "L2=float('nan')": "gin: ",
    "LEARNING_RATE=0": "LEARNING_RATE must be more than 0, got 0",
    "LEARNING_RATE=1e400": "LEARNING_RATE must be more than 0, got inf",
    "NOISE=1.5": "NOISE must be in [0, 1], got 1.5",
    "IMBALANCE=0.0": "IMBALANCE must be in (0, 1], got 0.0",
    "TRACK_LABELS='no'": "TRACK_LABELS must be True or False, got 'no'",
    "TRACK_LABELS=1": "TRACK_LABELS must be True or False, got 1",
    "JIT_COMPILE='maybe'": "JIT_COMPILE must be True or False or 'auto', got",
    "DICTIONARY=-3": "DICTIONARY must be 1 or more, got -3",
    "STRATEGY=None": "STRATEGY must be a text in quotes, got None",
    "COMPARE='gdw'": "COMPARE must be a list of names, got 'gdw'",
    "COMPARE=[]": "COMPARE must be a list of names, got []",
    "COMPARE=['gdw', 1]": "COMPARE must be a list of names, got ['gdw', 1]",
}


@pytest.mark.parametrize("binding", WRONG)
def test_a_wrong_setting_is_told_with_what_it_may_be(binding):
    with pytest.raises(InvalidInput) as error:
        gin_config.parse(["gin/digits.gin"], [binding])
    assert str(error.value).startswith(WRONG[binding])
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "binding",
    [
        "EMA=None",
        "EMA=0.99",
        "L2=0",
        "NOISE=0",
        "NOISE=1",
        "FSR_WARMUP=2",
        "JIT_COMPILE='auto'",
        "TRACK_LABELS=@TrainingDynamics()",
        "FORGET_RATE=%NOISE",
        "DICTIONARY=None",
    ],
)
def test_what_a_setting_may_be_is_accepted(binding):
    gin_config.parse(["gin/digits.gin"], [binding])


def test_every_setting_of_a_recipe_has_a_rule():
    names = set()
    for file in sorted(ROOT.glob("gin/*.gin")):
        gin_config.parse([str(file)])
        names |= {n for n in gin_config.macros() if n.isupper()}
    assert names == set(settings.RULES)
