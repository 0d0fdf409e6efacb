"""The figures of costs: bars, the frontier, and where labels go."""

import csv

import cost_figures as figures
import pytest

from fsr_gdw_tf import InvalidInput

FRESH = "fsr REWARD_FEATURES='fresh'"
EVERY4 = "gdw VirtualStep.ahead=False MetaLoss.every=4"
ROWS = f"""network,method,time_ratio,memory_ratio
tiny_cnn,supervised,1.0,1.0
tiny_cnn,keras,0.9,1.0
tiny_cnn,gdw,2.5,2.0
tiny_cnn,gdw_head,1.25,1.1
tiny_cnn,{EVERY4},1.5,1.5
tiny_cnn,fsr,1.2,1.1
resnet32,supervised,1.0,1.0
resnet32,l2rw,3.0,2.5
resnet32,{FRESH},1.75,1.2
wrn_28_2,supervised,1.0,1.0
wrn_28_2,l2rw,2.75,
elsewhere,supervised,1.0,1.0
"""


@pytest.fixture
def rows():
    return [
        row | {name: float(row[name] or "nan") for name in figures.PANELS}
        for row in csv.DictReader(ROWS.splitlines())
    ]


def test_points_are_of_methods_that_both_tables_know(rows):
    """They match by their steps, not their names; no time is below plain's."""
    accuracies = {"gdw": 0.6, "gdw_head": 0.5, "gdw_clean": 0.7, "fsr": 0.4}
    accuracies |= {"gdw MetaLoss.every=4 VirtualStep.ahead=False": 0.3}
    accuracies |= {"fsr_raw": 0.9, "l2rw": 0.9, "gce": 0.2}
    rows.append({"network": "tiny_cnn", "method": "gce", "time_ratio": 0.97})
    assert figures.points(rows, accuracies, "tiny_cnn") == {
        "gdw": (2.5, 0.6),
        "gdw_head": (1.25, 0.5),
        "gdw_clean": (2.5, 0.7),
        "fsr": (1.2, 0.4),
        "gdw MetaLoss.every=4 VirtualStep.ahead=False": (1.5, 0.3),
        "gce": (1.0, 0.2),
    }


def test_the_frontier_is_what_nothing_cheaper_beats():
    points = {"a": (1, 0.5), "b": (1, 0.4), "c": (2, 0.5), "d": (2, 0.6)}
    points |= {"e": (3, 0.55), "f": (4, 0.61)}
    assert figures.best(points) == ["a", "d", "f"]


def test_labels_move_up_where_they_would_hide_another():
    """A long name overlaps its neighbours; short ones do not."""
    points = {"l2rw:head": (1, 0.5), "b": (1.05, 0.5), "c": (3, 0.5)}
    points |= {"d": (1, 0.505), "e": (0.95, 0.5)}
    placed = figures.spread_labels(points, 0.02)
    heights = {name: at[2] for name, at in placed.items()}
    expected = {"l2rw:head": 0.5, "b": 0.52, "c": 0.5, "d": 0.52, "e": 0.5}
    assert heights == pytest.approx(expected)


def test_bars_are_as_high_as_the_ratios(rows):
    figure = figures.costs(rows)
    time, memory = (
        [[bar.get_height() for bar in group] for group in axes.containers]
        for axes in figure.axes
    )
    # L2RW, FSR, plain, each on resnet32 and wrn_28_2; what is missing is nan.
    nan = pytest.approx(float("nan"), nan_ok=True)
    assert time == [[3.0, 2.75], [1.75, nan], [1.0, 1.0]]
    assert memory == [[2.5, nan], [1.2, nan], [1.0, 1.0]]
    assert [t.get_text() for t in figure.axes[0].get_xticklabels()] == [
        *("resnet32", "wrn_28_2"),
    ]


def test_the_same_numbers_give_the_same_picture(rows, tmp_path):
    for name in ("one", "two"):
        figures.save(figures.costs(rows), tmp_path / f"{name}.svg")
    one, two = ((tmp_path / f"{n}.svg").read_bytes() for n in ("one", "two"))
    assert one == two and b"<svg" in one


def test_nothing_to_draw_is_an_error(rows):
    with pytest.raises(InvalidInput, match="no row of supervised on small_cnn"):
        figures.costs(rows[:6])
    with pytest.raises(InvalidInput, match="no method is in both tables"):
        figures.frontier({}, "")
