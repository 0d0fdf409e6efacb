"""INCV: iterative cross-validation that selects examples with right labels.

Chen et al., "Understanding and Utilizing Deep Neural Networks Trained with
Noisy Labels", https://arxiv.org/abs/1905.05040, Algorithms 1 and 2: a network
is trained on one half of the candidates and on what is selected already; it
selects, in the other half, the examples whose label it predicts. Those of the
largest loss are removed. Co-teaching is then trained on the selection, and
drops the share of it that is probably wrong. Four iterations, each network a
quarter of the epochs (50 of 200), the limits of the noise rate and the use of
the best epoch are those of the authors' code.

Deviations: halves are drawn in each class, so that both have it; the noise rate
is the solution of Eq. 4, which the code searches in steps of .001, and at most
that of random labels; networks start from the recipe's seed, not from a copy of
the same weights, and have its schedule; Co-teaching does not add candidates
that were never selected in later epochs, as Algorithm 3 does.
"""

from collections.abc import Generator, Iterator
from typing import NamedTuple

import gin
import numpy as np

from fsr_gdw_tf.data.label_overrides import write_list
from fsr_gdw_tf.data.source import Source
from fsr_gdw_tf.distribution.hosts import print_on_chief
from fsr_gdw_tf.errors import INF, InvalidInput, require_range
from fsr_gdw_tf.io.files import atomic_write, one_line_errors, write_csv
from fsr_gdw_tf.io.network_files import load_network
from fsr_gdw_tf.io.run_folder import RunFolder
from fsr_gdw_tf.stages.stage import (
    PLAIN,
    Stage,
    StageInputs,
    predict_probs,
    setting,
    trained_network_path,
)

MAX_REMOVED = 2.0  # examples that are removed, per selected one
PREDICTIONS = "held_out.npz"


class Selection(NamedTuple):
    """Examples that are selected, those that can be, and the noise rate."""

    selected: np.ndarray
    candidates: np.ndarray
    rate: float | None = None


class HeldOut(NamedTuple):
    """The half that a network was not trained on, and what it predicts."""

    index: np.ndarray
    predicted: np.ndarray
    loss: np.ndarray


@gin.register
def incv(
    inputs: StageInputs,
    iterations: int = 4,
    epochs: float = 0.25,
    symmetric: bool = True,
) -> Iterator[Stage]:
    """Plan: select examples by cross-validation, then train on them.

    epochs: of each half's network; below 1, their share of the recipe's.
    symmetric: whether wrong labels are of any class. If not, the largest
        losses are not removed, as classes that are mixed up have those.
    """
    require_range(1, INF, iterations=iterations)
    require_range(1e-9, INF, epochs=epochs)
    source, rows = inputs.splits.train, []
    epochs = max(round(epochs * inputs.epochs), 1) if epochs < 1 else epochs
    params = [*PLAIN, setting("EPOCHS", int(epochs))]
    state = Selection(np.zeros(0, int), np.arange(len(source)))
    for i in range(iterations):
        state = yield from _iterate(inputs, state, i, params, symmetric)
        rows.append(_row(source, i, state))
        write_csv(inputs.folder / "iterations.csv", rows)
        if len(state.candidates) < 2:
            break
    _tell_lost_classes(source, state.selected)
    left = wrong_share(state.rate, source.classes if symmetric else 2)
    yield Stage(
        "coteaching",
        [
            *_lists(inputs, "coteaching", train=state.selected),
            setting("CoTeaching.forget_rate", round(left, 4)),
        ],
    )


def _iterate(
    inputs: StageInputs,
    state: Selection,
    i: int,
    params: list[str],
    symmetric: bool,
) -> Generator[Stage, RunFolder, Selection]:
    """Train on each half of the candidates; select in the other one."""
    source, (selected, candidates, rate) = inputs.splits.train, state
    rng = np.random.default_rng([inputs.seed, i])
    halves = random_halves(candidates, source.labels, rng)
    chosen, removed = [], []
    for name, (half, other) in (("a", halves), ("b", halves[::-1])):
        stage = f"{i + 1}{name}"
        train = np.sort(np.append(selected, half))
        lists = _lists(inputs, stage, train=train, test=other)
        best = uses_best(i, rate, symmetric)
        keep = setting("Experiment.keep_best", best)
        done = yield Stage(stage, [*params, *lists, keep])
        held_out = _predictions(inputs, done, other)
        if rate is None:
            agreement = held_out.predicted == source.labels[other]
            rate = noise_rate(agreement.mean(), source.classes)
        right, hard = split_half(held_out, source.labels, rate)
        chosen.append(right)
        removed.append(hard if symmetric else hard[:0])
    selected = np.sort(np.concatenate([selected, *chosen]))
    gone = np.concatenate([*chosen, *removed])
    return Selection(selected, np.setdiff1d(candidates, gone), rate)


def _lists(inputs: StageInputs, stage: str, **indices: np.ndarray) -> list[str]:
    """Write a stage's lists, `train` and `test`; return what uses them."""
    params = ["Experiment.data=@listed_splits", "listed_splits.data=@prepare"]
    for name, index in indices.items():
        path = inputs.folder / "lists" / f"{stage}_{name}.csv"
        write_list(path, inputs.splits.train, index)
        params.append(setting(f"listed_splits.{name}", path))
    return params


def _predictions(
    inputs: StageInputs, done: RunFolder, index: np.ndarray
) -> HeldOut:
    """Return the predictions of a stage; they are kept in its folder."""
    path, source = done / PREDICTIONS, inputs.splits.train
    if not path.is_file():
        network = load_network(trained_network_path(done))
        half = source.subset(index)
        probs = predict_probs(network, half, inputs.pipeline)
        given = probs[np.arange(len(index)), half.labels]
        loss = -np.log(np.maximum(given, 1e-8))
        with atomic_write(path) as unfinished:
            np.savez(unfinished, predicted=probs.argmax(axis=1), loss=loss)
    with (
        one_line_errors(path, "delete it"),
        np.load(path, allow_pickle=False) as saved,
    ):
        return HeldOut(index, saved["predicted"], saved["loss"])


def random_halves(
    candidates: np.ndarray, labels: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return two random halves of the examples of each class."""
    shuffled = rng.permutation(candidates)
    ordered = shuffled[np.argsort(labels[shuffled], kind="stable")]
    return np.sort(ordered[::2]), np.sort(ordered[1::2])


def noise_rate(agreement: float, classes: int) -> float:
    """Return the rate of wrong labels at which predictions agree so often.

    Eq. 4: a network that fits uniform noise of the rate e gives the label of a
    new example with the probability (1 - e)^2 + e^2 / (classes - 1).
    """
    scale = classes / (classes - 1)
    root = 1.0 - scale * (1.0 - agreement)
    return float((1.0 - np.sqrt(max(root, 0.0))) / scale)


def wrong_share(rate: float, classes: int) -> float:
    """Return the share of wrong labels among selected examples, by Eq. 4."""
    wrong = rate**2 / (classes - 1)
    return wrong / (wrong + (1.0 - rate) ** 2)


def split_half(
    held_out: HeldOut, labels: np.ndarray, rate: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the examples to select, and those of largest loss to remove."""
    index, predicted, loss = held_out
    agrees = predicted == labels[index]
    per_selected = min(MAX_REMOVED, rate / (1.0 - rate))
    n_removed = int(per_selected * agrees.sum())
    hardest = np.argsort(-loss, kind="stable")[:n_removed]
    return index[agrees], index[hardest]


def uses_best(iteration: int, rate: float | None, symmetric: bool) -> bool:
    """Return whether the best epoch's network selects, or that of the last.

    The best is the one that gives most labels of the held-out half. It is used
    while most of the training set is not selected yet.
    """
    if rate is None or rate > 0.6 or not symmetric:
        return iteration < 1
    return iteration < (2 if rate > 0.3 else 4)


def _tell_lost_classes(source: Source, selected: np.ndarray) -> None:
    """Print how many classes the selection lacks; raise if it is empty."""
    advice = "INCV's networks train for longer with incv.epochs=0.5"
    if not len(selected):
        raise InvalidInput(
            f"INCV selected none of {len(source)} examples, as its networks "
            f"predict the label of none; {advice}"
        )
    lost = np.flatnonzero(source.subset(selected).counts() == 0)
    if len(lost):
        print_on_chief(
            f"INCV selected no example of {len(lost)} of {source.classes} "
            f"classes, such as {str(source.class_names[lost[0]])!r}; they will "
            f"not be predicted; {advice}"
        )


def _row(source: Source, iteration: int, state: Selection) -> dict:
    """Return a row of iterations.csv."""
    selected = state.selected
    row = {
        "iteration": iteration + 1,
        "estimated_noise": round(state.rate, 4),
        "selected": len(selected),
        "candidates": len(state.candidates),
    }
    if source.true_labels is None or not len(selected):
        return row
    wrong = source.labels[selected] != source.true_labels[selected]
    return row | {"wrong_in_selection": round(float(wrong.mean()), 4)}
