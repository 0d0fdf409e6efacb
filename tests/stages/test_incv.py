"""Iterative cross-validation: which examples are selected."""

import re

import numpy as np
import pytest

from fsr_gdw_tf import InputPipeline, InvalidInput, arrays
from fsr_gdw_tf.data.splits import Splits
from fsr_gdw_tf.io.files import read_csv
from fsr_gdw_tf.io.run_folder import RunFolder
from fsr_gdw_tf.stages import StageInputs, incv
from fsr_gdw_tf.stages.incv import (
    HeldOut,
    noise_rate,
    random_halves,
    split_half,
    uses_best,
    wrong_share,
)


@pytest.mark.parametrize(
    ("agreement", "classes", "rate"),
    [
        (1.0, 10, 0.0),
        (0.64 + 0.04 / 9, 10, 0.2),  # (1 - e)^2 + e^2 / 9
        (0.36 + 0.16 / 9, 10, 0.4),
        (0.25 + 0.25 / 99, 100, 0.5),
        (0.05, 10, 0.9),  # less than by chance: labels are random
    ],
)
def test_noise_rate_of_equation_4(agreement, classes, rate):
    assert noise_rate(agreement, classes) == pytest.approx(rate)


def test_share_of_wrong_labels_that_are_selected():
    """e = .4, ten classes: .16 / 9 wrong beside .36 right."""
    assert wrong_share(0.4, 10) == pytest.approx(0.017778 / 0.377778, rel=1e-4)
    # In pairs a wrong label is predicted with e^2.
    assert wrong_share(0.2, 2) == pytest.approx(0.04 / 0.68)
    assert wrong_share(0.0, 10) == 0.0


def test_agreement_selects_and_the_largest_losses_go():
    """Three of five agree; at a rate of .4, int(3 * .4 / .6) = 2 go."""
    index = np.array([10, 11, 12, 13, 14])
    labels = np.zeros(15, int)
    predicted = np.array([0, 1, 0, 2, 0])
    loss = np.array([0.1, 2.0, 0.2, 3.0, 0.3])
    right, hard = split_half(HeldOut(index, predicted, loss), labels, 0.4)
    assert right.tolist() == [10, 12, 14]
    assert hard.tolist() == [13, 11]
    # At most twice as many as are selected.
    assert len(split_half(HeldOut(index, predicted, loss), labels, 0.9)[1]) == 5


def test_halves_have_half_of_each_class():
    labels = np.repeat([0, 1, 2], [8, 4, 2])
    first, second = random_halves(
        np.arange(14), labels, np.random.default_rng(0)
    )
    assert sorted([*first, *second]) == list(range(14))
    for half in (first, second):
        assert np.bincount(labels[half]).tolist() == [4, 2, 1]


@pytest.mark.parametrize(
    ("rate", "symmetric", "expected"),
    [(0.7, True, 1), (0.4, True, 2), (0.2, True, 4), (0.2, False, 1)],
)
def test_iterations_that_use_the_best_epoch(rate, symmetric, expected):
    """1 above 60 % or asymmetric, 2 above 30 %, else 4: the authors' code."""
    found = [uses_best(i, rate, symmetric) for i in range(4)]
    assert sum(found) == expected and found == sorted(found, reverse=True)


def inputs_with(labels, folder) -> StageInputs:
    source = arrays(np.zeros((len(labels), 1)), labels)
    splits = Splits(source, source)
    return StageInputs(RunFolder(folder), splits, InputPipeline(), 40, seed=2)


def value(stage, name: str) -> str:
    found = [p for p in stage.params if p.startswith(f"{name}=")]
    return re.sub(r"^[^=]*='?|'$", "", found[0])


def examples(path: str) -> list[int]:
    return [row["path"] for row in read_csv(RunFolder(path).path)]


def test_the_sequence_of_runs(tmp_path):
    """40 labels of four classes, every fifth is wrong, predictions are right.

    Each half has 20 examples and 16 right labels: at the agreement .8 it
    selects 16; e = .1077 by Eq. 4, so that int(16 * .1207) = 1 is removed.
    """
    truth = np.arange(40) % 4
    labels = np.where(np.arange(40) % 5 == 0, (truth + 1) % 4, truth)
    wrong = set(range(0, 40, 5))
    plan, done, names = incv(inputs_with(labels, tmp_path), 2), None, []
    trained, held = [], []
    while True:
        stage = plan.send(done)
        names.append(stage.name)
        if stage.name == "coteaching":
            break
        index = examples(value(stage, "listed_splits.test"))
        trained.append(set(examples(value(stage, "listed_splits.train"))))
        held.append(set(index))
        assert value(stage, "EPOCHS") == "10"  # a quarter of 40
        done = RunFolder(tmp_path / stage.name)
        done.path.mkdir()
        loss = np.where(np.isin(index, list(wrong)), 5.0, 0.1)
        np.savez(done / "held_out.npz", predicted=truth[index], loss=loss)
    assert names == ["1a", "1b", "2a", "2b", "coteaching"]
    assert trained[0] == held[1] and trained[1] == held[0]
    # The second iteration trains on what is selected and on half of the rest.
    right = set(range(40)) - wrong
    rows = read_csv(tmp_path / "iterations.csv")
    assert [len(h - wrong) for h in held[:2]] == [16, 16], "another seed"
    assert right <= trained[2] and right <= trained[3]
    assert held[2] | held[3] < wrong and len(held[2] | held[3]) == 6
    found = [row["selected"] for row in rows], rows[0]["candidates"]
    assert found == ([32, 32], 6)
    assert rows[0]["estimated_noise"] == 0.1077
    assert set(examples(value(stage, "listed_splits.train"))) == right
    # .1077^2 / 3 of wrong ones beside .8923^2 of right ones.
    assert value(stage, "CoTeaching.forget_rate") == "0.0048"
    with pytest.raises(StopIteration):
        plan.send(done)


def last_stage(labels, predicted, folder):
    """Return the last stage, of networks that predict these classes."""
    plan, done = incv(inputs_with(labels, folder), iterations=1), None
    while True:
        stage = plan.send(done)
        if stage.name == "coteaching":
            return stage
        index = examples(value(stage, "listed_splits.test"))
        done = RunFolder(folder / stage.name)
        done.path.mkdir()
        loss = np.ones(len(index))
        np.savez(done / "held_out.npz", predicted=predicted[index], loss=loss)


def test_a_class_that_is_never_predicted_is_told_and_left_out(tmp_path, capsys):
    labels = np.repeat([0, 1, 2], 8)
    predicted = np.repeat([0, 1, 1], 8)
    stage = last_stage(labels, predicted, tmp_path)
    assert examples(value(stage, "listed_splits.train")) == list(range(16))
    said = capsys.readouterr().out
    assert "no example of 1 of 3 classes, such as '2'" in said


def test_an_empty_selection_ends_in_a_line(tmp_path):
    labels = np.repeat([0, 1], 8)
    with pytest.raises(InvalidInput, match="selected none of 16 examples"):
        last_stage(labels, 1 - labels, tmp_path)
