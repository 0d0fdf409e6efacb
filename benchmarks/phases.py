"""Measure where the time of a step goes: the share of each phase.

    python benchmarks/phases.py --network=resnet32 --csv=phases.csv \\
        --methods="supervised,gdw,gdw VirtualStep.ahead=False,fsr"

Methods, flags and random images are those of `step_cost.py`; images are cropped
and mirrored, as CIFAR's are. The classifier's own step is traced once for each
phase, and stops where that phase ends. These partial steps take turns. The time
of a phase is the median of the partial step that ends with it, less that of the
one before (negative differences count as zero).

forward: MixUp, the draw of a reward batch, the forward pass.
virtual_step: the pullback of the virtual gradient, and the step along it.
meta_pass: the meta batch forward and back. Without a virtual step it is first.
second_order: the pullback of the meta gradient to the weights of examples, and
    what a method learns from that.
real_pullback: the loss with those weights, and the network's gradient.
bookkeeping: optimizer, metrics, whatever is kept of examples and all else that
    a train function does. A dictionary is told of the batch without MixUp, for
    which that goes forward once more: here with remembered features, else
    together with the reward batch in meta_pass. Of a method that does not look
    ahead, also its own rule.
input: what steps in a row take longer on batches that are made as in training
    than on one that is there.
"""

import contextlib
import dataclasses
import functools
import os
import time
from collections.abc import Callable
from itertools import accumulate
from pathlib import Path
from unittest import mock

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import recipes
import step_cost
import tensorflow as tf
from absl import app, flags

from fsr_gdw_tf import lookahead
from fsr_gdw_tf.classifier import Classifier
from fsr_gdw_tf.command_line import exit_with_error, parse_flags
from fsr_gdw_tf.data import CropFlip
from fsr_gdw_tf.errors import InvalidInput
from fsr_gdw_tf.io.console import print_table
from fsr_gdw_tf.io.files import write_csv
from fsr_gdw_tf.method import OmegaUpdate
from fsr_gdw_tf.methods.meta import MetaMethod

PHASES = ["forward", "virtual_step", "meta_pass", "second_order"]
PHASES += ["real_pullback", "bookkeeping", "input"]
COLUMNS = ["network", "method", *PHASES, "time_per_step_s"]
FOREVER = 10**6  # epochs

FLAGS = flags.FLAGS


class Reached(Exception):  # noqa: N818  nothing is wrong
    """A step has come as far as it should."""


def preparing(prepare: Callable, reach: Callable) -> Callable:
    """`prepare` of a method; without a virtual step it ends the meta pass."""

    def wrapped(classifier, batch):
        batch = prepare(classifier, batch)
        if "meta_grad" in batch:
            reach("meta_pass", batch["meta_grad"])
        return batch

    return wrapped


def teaching(compute_omega: Callable, reach: Callable) -> Callable:
    """Wrap `compute_omega`, which begins when the forward pass has ended."""

    def wrapped(classifier, batch, forward):
        reach("forward", [forward.logits])
        omega = compute_omega(classifier, batch, forward)
        after = omega.after if isinstance(omega, OmegaUpdate) else omega
        if after is not None:
            reach("bookkeeping", [after])
        return omega

    return wrapped


def looking(look: Callable, reach: Callable) -> Callable:
    """`lookahead.meta_gradient`, which begins after the virtual step."""

    def wrapped(classifier, method, batch, forward, theta):
        if forward is None:  # called by `prepare`
            return look(classifier, method, batch, forward, theta)
        if method.virtual_step.ahead:
            reach("virtual_step", theta)
        found = look(classifier, method, batch, forward, theta)
        reach("meta_pass", found[0])
        return found

    return wrapped


def updating(update: Callable, reach: Callable) -> Callable:
    """`update` of a method, the end of what is of second order."""

    def wrapped(*args):
        omega = update(*args)
        reach("second_order", [omega])
        return omega

    return wrapped


def moving(move: Callable, reach: Callable) -> Callable:
    """Wrap `_apply_gradients`, which begins with the real gradient."""

    def wrapped(gradients):
        reach("real_pullback", gradients)
        move(gradients)

    return wrapped


@contextlib.contextmanager
def watched(classifier: Classifier, reach: Callable):
    """`reach(phase, its results)` is called where a step ends each phase."""
    places = [
        (classifier.method, "prepare", preparing),
        (classifier.method, "compute_omega", teaching),
        (lookahead, "meta_gradient", looking),
        (classifier, "_apply_gradients", moving),
    ]
    if isinstance(classifier.method, MetaMethod):
        places.append((classifier.method, "update", updating))
    with contextlib.ExitStack() as patches:
        for owner, name, wrap in places:
            new = wrap(getattr(owner, name), reach)
            patches.enter_context(mock.patch.object(owner, name, new))
        yield


def beginning(classifier: Classifier, batch: dict, count: int):
    """A step that ends with its count-th phase, as a graph; those phases."""
    phases, results = [], []

    def reach(phase, found):
        phases.append(phase)
        results.extend(x for x in found if x is not None)
        if len(phases) == count:
            raise Reached

    @tf.function(autograph=False)
    def step(batch):
        with contextlib.suppress(Reached):
            classifier.train_step(batch)
        return list(results)

    with watched(classifier, reach):
        return step.get_concrete_function(batch), phases


def beginnings(classifier: Classifier, batch: dict):
    """All of them, each ready to run, and the phases that they end with."""
    runs, phases = [], []
    while len(phases) == len(runs):
        graph, phases = beginning(classifier, batch, len(runs) + 1)
        runs.append(functools.partial(graph, batch))
    return runs[:-1], phases  # the last one has gone on to the end


def medians(runs: list[Callable]) -> list[float]:
    """Median seconds of each, in turns."""
    seconds = [[] for _ in runs]
    for turn in range(2 + FLAGS.rounds):
        for run, found in zip(runs, seconds, strict=True):
            start = time.perf_counter()
            run()
            tf.test.experimental.sync_devices()  # GPUs answer early
            if turn > 1:  # the first one traces
                found.append(time.perf_counter() - start)
    return [float(np.median(s)) for s in seconds]


def shares(phases: list[str], ends: list[float]) -> dict[str, float]:
    """Each phase's share of a step; `ends` is when each of `phases` is over."""
    spans, begin = dict.fromkeys(PHASES, 0.0), 0.0
    for phase, end in zip(phases, accumulate(ends, max), strict=True):
        spans[phase] += end - begin
        begin = end
    return {phase: span / begin for phase, span in spans.items()}


def measure(method: str) -> dict:
    """Return the row of a method."""
    classifier, pipeline = step_cost.build(method)
    pipeline = dataclasses.replace(pipeline, view=CropFlip())
    made = iter(step_cost.dataset(classifier, pipeline, FOREVER))
    batch = next(made)
    ready = iter(tf.data.Dataset.from_tensors(batch).repeat())
    classifier.make_train_function()
    step = classifier.train_function
    runs, phases = beginnings(classifier, batch)
    ends = medians([*runs, lambda: step(ready)])
    # One after the other: the pipeline would fetch ahead in others' turns.
    alone = [medians([lambda x=x: step(x)])[0] for x in (ready, made)]
    ends.append(ends[-1] + max(alone[1] - alone[0], 0.0))
    by_phase = shares([*phases, "bookkeeping", "input"], ends)
    row = {"network": FLAGS.network, "method": method}
    row |= {phase: round(share, 4) for phase, share in by_phase.items()}
    return row | {"time_per_step_s": round(ends[-1], 5)}


def check(method: str) -> None:
    """Reject methods whose steps have no such phases."""
    config = recipes.load(recipes.parse(method), step_cost.settings())
    if recipes.meta_every(config.method) > 1:
        raise InvalidInput(
            f"the steps of {method} differ from each other; measure it without "
            "meta_every"
        )


def main(argv: list[str]) -> None:
    """A row for each method, written as it comes."""
    keras.utils.set_random_seed(0)
    rows = []
    try:
        for method in FLAGS.methods:
            check(method)
        for method in FLAGS.methods:
            rows.append(measure(method))
            if FLAGS.csv:
                write_csv(Path(FLAGS.csv), rows, COLUMNS)
    except InvalidInput as error:
        exit_with_error(error)
    shown = [
        {"method": row["method"]} | {p: f"{row[p]:.0%}" for p in PHASES}
        for row in rows
    ]
    print_table(f"Shares of a step, {FLAGS.network}", shown)


if __name__ == "__main__":
    app.run(main, flags_parser=parse_flags)
