"""Where the time of a step goes: the share of each of its phases.

    python benchmarks/phases.py --methods=supervised,gdw,gdw:now,fsr:bank \\
        --network=resnet32 --csv=phases.csv

Methods, flags and (random) images are those of `step_cost.py`; images
are cropped and mirrored, as CIFAR's are. The classifier's own step is traced
anew for each place where a phase ends, and ends there. These beginnings of a
step take turns; a phase is the median time of the one that ends with it less
that of the one before (below zero: none).

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
import step_cost
import tensorflow as tf
from absl import app, flags
from specs import KERAS, parse

from fsr_gdw_tf import lookahead
from fsr_gdw_tf.classifier import Classifier
from fsr_gdw_tf.command_line import exit_with_error, parse_flags
from fsr_gdw_tf.data import CropFlip
from fsr_gdw_tf.errors import InvalidInput
from fsr_gdw_tf.io.console import print_table
from fsr_gdw_tf.io.files import write_csv
from fsr_gdw_tf.methods import MetaMethod

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
        if omega is not None:
            reach("bookkeeping", [omega])
        return omega

    return wrapped


def looking(look: Callable, reach: Callable) -> Callable:
    """`lookahead.meta_gradient`, which begins after the virtual step."""

    def wrapped(classifier, method, batch, forward, theta):
        if forward is None:  # called by `prepare`
            return look(classifier, method, batch, forward, theta)
        if method.ahead:
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


def measure(spec: str) -> dict:
    """A row of the table."""
    classifier = step_cost.build(spec)
    data = step_cost.dataset(
        classifier, parse(spec).meta_batch, CropFlip(), FOREVER
    )
    made = iter(data)
    batch = next(made)
    there = iter(tf.data.Dataset.from_tensors(batch).repeat())
    classifier.make_train_function()
    step = classifier.train_function
    runs, phases = beginnings(classifier, batch)
    ends = medians([*runs, lambda: step(there)])
    # In a row: between others' turns batches would be made for nothing.
    in_a_row = [medians([lambda x=x: step(x)])[0] for x in (there, made)]
    ends.append(ends[-1] + max(in_a_row[1] - in_a_row[0], 0.0))
    found = shares([*phases, "bookkeeping", "input"], ends)
    row = {"network": FLAGS.network, "method": spec}
    row |= {phase: round(share, 4) for phase, share in found.items()}
    return row | {"time_per_step_s": round(ends[-1], 5)}


def check(spec: str) -> None:
    """Refuse names whose steps have no such phases."""
    told = parse(spec)
    if told.name == KERAS:
        raise InvalidInput("keras has a step of its own, without these phases")
    if told.meta_every > 1:
        raise InvalidInput(
            f"the steps of {spec} are not alike; measure it at every1"
        )


def main(argv: list[str]) -> None:
    """A row for each method, written as it comes."""
    keras.utils.set_random_seed(0)
    rows = []
    try:
        for spec in FLAGS.methods:
            check(spec)
        for spec in FLAGS.methods:
            rows.append(measure(spec))
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
