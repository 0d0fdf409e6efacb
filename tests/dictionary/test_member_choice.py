"""Which examples become members, by hand; NumPy alone."""

import numpy as np
from support.paths import ROOT

from fsr_gdw_tf.dictionary.member_choice import (
    choose_members,
    members_per_class,
    rotating_members,
)

LABELS = np.array([0, 1, 0, 1, 0, 0])
SCORES = np.array([0.1, 0.9, 0.3, -0.5, 0.2, 5.0])
VISITS = np.array([1, 1, 1, 2, 1, 0])
WEIGHTS = np.array([1.0, 1.0, 0.0, 1.0, 1.0, 1.0])


def chosen(counts: list[int], weights: np.ndarray | None = None) -> list[int]:
    """Return the members of the six examples."""
    members = np.array(counts)
    arguments = LABELS, SCORES, VISITS, members, [0, 3], weights
    return choose_members(*arguments).tolist()


def test_the_best_of_each_class_that_were_visited():
    assert chosen([2, 1]) == [2, 4, 1]
    assert chosen([4, 2]) == [2, 4, 0, 5, 1, 3]  # the unvisited one last


def test_examples_of_weight_zero_come_last():
    assert chosen([3, 1], WEIGHTS) == [4, 0, 5, 1]


def test_ties_are_broken_by_the_seed():
    labels, zeros = np.zeros(50, int), np.zeros(50)
    one, same, other = (
        choose_members(labels, zeros, zeros, np.array([9]), seed).tolist()
        for seed in ([0, 1], [0, 1], [0, 2])
    )
    assert one == same and set(one) != set(other) and len(set(one)) == 9


def test_members_per_class():
    assert members_per_class(np.array([9, 3, 1]), 6).tolist() == [2, 2, 1]
    turns = [rotating_members(5, 2, epoch, seed=0) for epoch in range(5)]
    assert all(turn.sum() == 2 for turn in turns)
    assert np.sum(turns, axis=0).tolist() == [2] * 5


def test_the_module_needs_numpy_alone():
    path = ROOT / "fsr_gdw_tf" / "dictionary" / "member_choice.py"
    lines = path.read_text(encoding="utf-8").splitlines()
    imports = [s for s in lines if s.startswith(("import ", "from "))]
    assert imports == ["import numpy as np"]
