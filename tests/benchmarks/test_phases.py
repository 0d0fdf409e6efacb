"""The phases of a step: where they end, and what share each has."""

import collections
import csv
import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
import step_cost

from fsr_gdw_tf import InvalidInput, lookahead

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "phases.py"
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


@pytest.fixture
def of(phases):
    """Return (classifier, graphs of partial steps, phases they end with)."""
    step_cost.FLAGS(["benchmark", *SMALL])

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


def test_nothing_is_left_watched(of):
    look = lookahead.meta_gradient
    classifier, _, _ = of("gdw")
    assert lookahead.meta_gradient is look
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


@pytest.mark.slow
def test_shares_add_to_one_and_are_those_of_the_method(tmp_path):
    file = tmp_path / "phases.csv"
    flags = ["--size=16", "--batch=40", "--meta_batch=40", "--rounds=5"]
    methods = f"--methods=supervised,gdw,{NOW}"
    command = [sys.executable, str(SCRIPT), *SMALL, *flags, methods]
    ended = subprocess.run(
        [*command, f"--csv={file}"],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ,
    )
    assert ended.returncode == 0, ended.stderr
    with file.open() as lines:
        rows = {row.pop("method"): row for row in csv.DictReader(lines)}
    assert list(rows) == ["supervised", "gdw", NOW]
    for row in rows.values():
        assert row.pop("network") == "small_cnn"
        assert float(row.pop("time_per_step_s")) > 0
        # Seven shares, each rounded to four digits.
        assert sum(map(float, row.values())) == pytest.approx(1, abs=4e-4)
    plain, gdw, now = rows.values()
    assert float(plain["forward"]) > 0 and float(plain["real_pullback"]) > 0
    for phase in ("virtual_step", "meta_pass", "second_order"):
        assert float(plain[phase]) == 0
        assert float(gdw[phase]) > 0
    assert float(now["virtual_step"]) == 0 and float(now["meta_pass"]) > 0
