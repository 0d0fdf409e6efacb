"""The phases of a step: where they end, and what share each has."""

import collections
import functools
import importlib

import pytest
import step_cost

from fsr_gdw_tf import InvalidInput
from fsr_gdw_tf.lookahead import meta_loss

SMALL = [
    *("--network=small_cnn", "--size=8", "--batch=10", "--meta_batch=5"),
    *("--examples=40", "--reward_batch=10"),
]
NOW = "gdw VirtualStep.ahead=False"
AHEAD = ["forward", "virtual_step", "meta_pass", "second_order"]
REST = ["bookkeeping", "real_pullback"]


@pytest.fixture(scope="module")
def phases():
    """Return the script as a module."""
    return importlib.import_module("phases")


@pytest.fixture(scope="module")
def of(phases):
    """Return (classifier, graphs of partial steps, phases they end with)."""
    step_cost.FLAGS(["benchmark", *SMALL])

    @functools.cache
    def of(method):
        classifier, pipeline = step_cost.build(method)
        batch = next(iter(step_cost.dataset(classifier, pipeline)))
        runs, names = phases.partial_steps(classifier, batch)
        return classifier, [run.func.graph for run in runs], names

    return of


def convolutions(graph) -> tuple[int, int]:
    """Return the number of convolutions and of their kernels' gradients."""
    kinds = collections.Counter(op.type for op in graph.get_operations())
    return kinds["Conv2D"], kinds["Conv2DBackpropFilter"]


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ("supervised", ["forward", "real_pullback"]),
        ("elr", ["forward", "real_pullback"]),
        ("mentornet", ["forward", *REST]),
        ("gdw", [*AHEAD, *REST]),
        ("fsr", [*AHEAD, *REST]),
        (NOW, ["meta_pass", "forward", "second_order", *REST]),
        (
            "gdw_dictionary_raw VirtualStep.ahead=False",
            ["forward", "meta_pass", "second_order", *REST],
        ),
    ],
)
def test_phases_stand_in_the_order_of_the_step(of, method, expected):
    """Without a virtual step the clean meta batch is forwarded first."""
    assert of(method)[2] == expected


def test_each_partial_step_ends_where_its_phase_does(of):
    """Three convolutions: forward once, then a pullback to three kernels.

    The meta pass is as much again, at other weights; so is a real pullback.
    """
    _, graphs, names = of("gdw")
    found = dict(zip(names, map(convolutions, graphs), strict=True))
    assert found["forward"] == (3, 0)
    assert found["virtual_step"] == (3, 3)
    assert found["meta_pass"] == (6, 6)
    assert found["real_pullback"][1] == found["second_order"][1] + 3
    _, graphs, names = of(NOW)
    found = dict(zip(names, map(convolutions, graphs), strict=True))
    assert found["meta_pass"] == (3, 3) and found["forward"] == (6, 3)


def test_without_a_virtual_step_the_training_batch_is_forwarded_once(of):
    """Its logits before and after are the same, for a dictionary's scores.

    Six convolutions: of the training batch, and of the members. After a
    virtual step the training batch is forwarded again: nine.
    """
    whole = "gdw_dictionary_raw SCOPE='all'"
    for method, expected in (
        (f"{whole} VirtualStep.ahead=False", 6),
        (whole, 9),
    ):
        _, graphs, names = of(method)
        found = dict(zip(names, map(convolutions, graphs), strict=True))
        assert found["meta_pass"][0] == expected, method


def test_nothing_is_left_watched(of):
    look = meta_loss.meta_gradient
    classifier, _, _ = of("gdw")
    assert meta_loss.meta_gradient is look
    watched = {"compute_omega", "prepare", "update", "_apply_gradients"}
    assert not watched & {*vars(classifier), *vars(classifier.method)}


def test_a_phase_is_what_a_step_takes_longer_than_the_one_before(phases):
    """Ends at .1 .3 .6 .8 .7 .9 1 1: .7 is not before .8, and .9 is .1 after.

    Bookkeeping is in two places: none and .1.
    """
    names = [*AHEAD, "bookkeeping", "real_pullback", "bookkeeping", "input"]
    ends = [0.1, 0.3, 0.6, 0.8, 0.7, 0.9, 1.0, 1.0]
    found = phases.shares(names, ends)
    expected = (0.1, 0.2, 0.3, 0.2, 0.1, 0.1, 0.0)
    assert list(found) == phases.PHASES
    assert tuple(found.values()) == pytest.approx(expected)
    found = phases.shares(["forward", "input"], [0.3, 0.4])
    assert found["forward"] == pytest.approx(0.75)
    assert sum(found.values()) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("method", "message"),
    [
        ("keras", "keras is a stock Keras step, not a recipe"),
        (f"{NOW} MetaLoss.every=4", "the steps of .* differ from each other"),
    ],
)
def test_steps_without_phases_are_rejected(phases, method, message):
    with pytest.raises(InvalidInput, match=message):
        phases.check(method)
