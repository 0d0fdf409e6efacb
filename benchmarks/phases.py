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
meta_pass: the meta batch forward and back; without a virtual step it is first.
second_order: the pullback of the meta gradient to the weights of examples, and
    the method's update from it.
real_pullback: the loss with those weights, and the network's gradient.
bookkeeping: optimizer, metrics, recorders and the rest of the train function.
    A dictionary scores the batch without MixUp, which is forwarded once more:
    here with banked features, else with the reward batch in meta_pass. Methods
    that do not look ahead have their own rule here, too.
input: how much longer consecutive steps take when their batches come from the
    input pipeline than with one batch in memory.
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

from fsr_gdw_tf.classifier import Classifier
from fsr_gdw_tf.command_line import exit_with_error, parse_flags
from fsr_gdw_tf.data import CropFlip
from fsr_gdw_tf.errors import InvalidInput
from fsr_gdw_tf.io.console import print_table
from fsr_gdw_tf.io.files import write_csv
from fsr_gdw_tf.lookahead import meta_loss
from fsr_gdw_tf.method import OmegaUpdate
from fsr_gdw_tf.methods.meta import MetaMethod

PHASES = ["forward", "virtual_step", "meta_pass", "second_order"]
PHASES += ["real_pullback", "bookkeeping", "input"]
COLUMNS = ["network", "method", *PHASES, "time_per_step_s"]
FOREVER = 10**6  # epochs

FLAGS = flags.FLAGS


class PhaseEnd(Exception):  # noqa: N818  no error
    """Stop tracing: the last phase that was asked for has ended."""


def wrap_prepare(prepare: Callable, reach: Callable) -> Callable:
    """Wrap `prepare`: without a virtual step it ends the meta pass."""

    def wrapped(classifier, batch):
        batch = prepare(classifier, batch)
        if "meta_grad" in batch:
            reach("meta_pass", batch["meta_grad"])
        return batch

    return wrapped


def wrap_compute_omega(compute_omega: Callable, reach: Callable) -> Callable:
    """Wrap `compute_omega`: it begins where the forward pass ends."""

    def wrapped(classifier, batch, forward):
        reach("forward", [forward.logits])
        omega = compute_omega(classifier, batch, forward)
        after = omega.after if isinstance(omega, OmegaUpdate) else omega
        if after is not None:
            reach("bookkeeping", [after])
        return omega

    return wrapped


def wrap_meta_gradient(meta_gradient: Callable, reach: Callable) -> Callable:
    """Wrap `meta_gradient`: it begins after the virtual step."""

    def wrapped(classifier, method, batch, forward, theta):
        if forward is None:  # called by `prepare`
            return meta_gradient(classifier, method, batch, forward, theta)
        if method.virtual_step.uses_batch:
            reach("virtual_step", theta)
        gradient, aux = meta_gradient(classifier, method, batch, forward, theta)
        reach("meta_pass", gradient)
        return gradient, aux

    return wrapped


def wrap_update(update: Callable, reach: Callable) -> Callable:
    """Wrap `update`: the second-order part ends with it."""

    def wrapped(*args):
        omega = update(*args)
        reach("second_order", [omega])
        return omega

    return wrapped


def wrap_apply_gradients(
    apply_gradients: Callable, reach: Callable
) -> Callable:
    """Wrap `_apply_gradients`: the real pullback ends before it."""

    def wrapped(gradients):
        reach("real_pullback", gradients)
        apply_gradients(gradients)

    return wrapped


@contextlib.contextmanager
def phase_hooks(classifier: Classifier, reach: Callable):
    """Call `reach(phase, results)` wherever a step ends a phase."""
    places = [
        (classifier.method, "prepare", wrap_prepare),
        (classifier.method, "compute_omega", wrap_compute_omega),
        (meta_loss, "meta_gradient", wrap_meta_gradient),
        (classifier, "_apply_gradients", wrap_apply_gradients),
    ]
    if isinstance(classifier.method, MetaMethod):
        places.append((classifier.method, "update", wrap_update))
    with contextlib.ExitStack() as patches:
        for owner, name, wrap in places:
            new = wrap(getattr(owner, name), reach)
            patches.enter_context(mock.patch.object(owner, name, new))
        yield


def partial_step(classifier: Classifier, batch: dict, count: int):
    """Return the graph of a step up to its count-th phase, and the phases."""
    phases, results = [], []

    def reach(phase, tensors):
        phases.append(phase)
        results.extend(x for x in tensors if x is not None)
        if len(phases) == count:
            raise PhaseEnd

    @tf.function(autograph=False)
    def step(batch):
        with contextlib.suppress(PhaseEnd):
            classifier.train_step(batch)
        return list(results)

    with phase_hooks(classifier, reach):
        return step.get_concrete_function(batch), phases


def partial_steps(classifier: Classifier, batch: dict):
    """Return a function for each partial step, and the phases they end with."""
    runs, phases = [], []
    while len(phases) == len(runs):
        graph, phases = partial_step(classifier, batch, len(runs) + 1)
        runs.append(functools.partial(graph, batch))
    return runs[:-1], phases  # the last one is the whole step


def medians(runs: list[Callable]) -> list[float]:
    """Return the median seconds of each function; they take turns."""
    seconds = [[] for _ in runs]
    for turn in range(2 + FLAGS.rounds):
        for run, measured in zip(runs, seconds, strict=True):
            start = time.perf_counter()
            run()
            tf.test.experimental.sync_devices()  # GPUs return early
            if turn > 1:  # the first one traces
                measured.append(time.perf_counter() - start)
    return [float(np.median(s)) for s in seconds]


def shares(phases: list[str], ends: list[float]) -> dict[str, float]:
    """Return each phase's share of a step, from the times when phases end."""
    spans, begin = dict.fromkeys(PHASES, 0.0), 0.0
    for phase, end in zip(phases, accumulate(ends, max), strict=True):
        spans[phase] += end - begin
        begin = end
    return {phase: span / begin for phase, span in spans.items()}


def measure(method: str) -> dict:
    """Return the row of a method."""
    classifier, pipeline = step_cost.build(method)
    pipeline = dataclasses.replace(pipeline, view=CropFlip())
    loaded = iter(step_cost.dataset(classifier, pipeline, FOREVER))
    batch = next(loaded)
    ready = iter(tf.data.Dataset.from_tensors(batch).repeat())
    classifier.make_train_function()
    step = classifier.train_function
    runs, phases = partial_steps(classifier, batch)
    ends = medians([*runs, lambda: step(ready)])
    # One after the other: the pipeline would fetch ahead in others' turns.
    alone = [medians([lambda x=x: step(x)])[0] for x in (ready, loaded)]
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
    """Write a row for each method as soon as it is measured."""
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
