"""Measure what per-example state costs, against N, C and K.

    python benchmarks/scale.py --csv=scale.csv

Simulated: N labels of C classes, a dictionary of K members, and inputs of four
numbers; FSR with all its per-example state (scores, visits, weights, ten
remembered predictions per example) on a tiny network. A row each, in a process
of its own, for its peak memory.

order: drawing the order of an epoch. choose: choosing the members at the end of
an epoch, without reading them. step: one training step with all recorders.
state: per-example variables, on each device. peak: of the process, above its
start.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf
from absl import app, flags

from fsr_gdw_tf import (
    FSR,
    Classifier,
    Dictionary,
    InputPipeline,
    Relabel,
    arrays,
)
from fsr_gdw_tf.command_line import parse_flags
from fsr_gdw_tf.io.console import print_table
from fsr_gdw_tf.io.files import write_csv
from fsr_gdw_tf.networks import mlp

# CIFAR-10, WebVision's 50 classes, iNaturalist 2018 twice, all of WebVision.
SIZES = [
    (50_000, 10, 2_000),
    (65_944, 50, 5_000),
    (437_513, 8_142, 2_000),
    (437_513, 8_142, 16_284),
    (2_400_000, 1_000, 5_000),
]
COLUMNS = ["N", "C", "K", "order_s", "choose_s", "step_ms"]
COLUMNS += ["state_gib", "peak_gib"]
BATCH = 128

FLAGS = flags.FLAGS
flags.DEFINE_string("csv", None, "CSV file to write.")
flags.DEFINE_integer("rounds", 5, "Repetitions; the table has medians.")
flags.DEFINE_integer("only", None, "Index in SIZES: print this row alone.")


def process_memory(name: str) -> int:
    """Return this process's memory in bytes: VmRSS now, VmHWM at the peak.

    `getrusage` gives the parent's peak, if that was higher.
    """
    lines = Path("/proc/self/status").read_text().splitlines()
    line = next(line for line in lines if line.startswith(f"{name}:"))
    return 1024 * int(line.split()[1])


def build(n: int, classes: int, members: int):
    """Return (classifier, source, pipeline): FSR, set up for simulated data."""
    rng = np.random.default_rng(0)
    labels = np.concatenate([np.arange(classes), rng.zipf(1.5, n) % classes])
    inputs = np.zeros((n, 4), np.float32)
    names = [str(c) for c in range(classes)]
    source = arrays(inputs, labels[:n], names)
    batch = min(BATCH, members)
    dictionary = Dictionary(
        members,
        batch if batch < classes else batch // classes * classes,
        rotate=members < classes,
    )
    # The head is the only part that grows with the classes.
    parts = mlp((4,), classes, hidden=(8,))
    relabel = Relabel(top=min(10, classes))
    model = Classifier(*parts, FSR(dictionary, warmup=0), [relabel])
    model.compile("sgd")
    pipeline = InputPipeline(BATCH)
    model.setup(source, pipeline)
    return model, source, pipeline


def median(action, rounds: int) -> float:
    """Return the median seconds of an action."""
    seconds = []
    for _ in range(rounds):
        start = time.perf_counter()
        action()
        seconds.append(time.perf_counter() - start)
    return float(np.median(seconds))


def measure(n: int, classes: int, members: int, rounds: int) -> dict:
    """Return one row."""
    idle = process_memory("VmRSS")
    model, source, pipeline = build(n, classes, members)
    choose, order, step = times(model, source, pipeline, rounds)
    gib = 2**30
    row = [n, classes, members, round(order, 3), round(choose, 3)]
    row += [round(1000 * step, 2), round(state_size(model, n) / gib, 3)]
    row += [round((process_memory("VmHWM") - idle) / gib, 2)]
    return dict(zip(COLUMNS, row, strict=True))


def times(model, source, pipeline, rounds: int) -> tuple[float, float, float]:
    """Return the seconds to choose members, of an epoch's order, of a step."""
    dictionary = model.method.dictionary
    scores = np.random.default_rng(1).random((2, len(source)))
    dictionary.scores.assign(scores[0].astype(np.float32))
    dictionary.visits.assign(np.round(scores[1].astype(np.float32)))
    choose = median(lambda: dictionary.choose(source, 1), rounds)
    dictionary.refresh(model, source, 0)
    order = median(lambda: next(iter(pipeline.train(source, 1))), rounds)
    steps = iter(pipeline.train(source, epochs=1 + rounds))
    model.make_train_function()

    def step():
        logs = model.train_function(steps)
        return float(logs["loss"])

    step(), step()  # the first one traces
    return choose, order, median(step, 4 * rounds)


def state_size(model: Classifier, n: int) -> int:
    """Return the bytes of the variables that have a row per example."""
    return sum(
        tf.size(v.value).numpy() * tf.as_dtype(v.dtype).size
        for part in [*model.components, *model.recorders]
        for v in part.variables
        if n in v.shape
    )


def main(argv: list[str]) -> None:
    """Measure each row in a process of its own; print and write them."""
    keras.utils.set_random_seed(0)
    if FLAGS.only is not None:
        row = measure(*SIZES[FLAGS.only], FLAGS.rounds)
        print(*row.values())
        return
    rows = []
    for i in range(len(SIZES)):
        command = [sys.executable, *sys.argv, f"--only={i}"]
        process = subprocess.run(
            command, check=True, stdout=subprocess.PIPE, text=True
        )
        numbers = map(json.loads, process.stdout.splitlines()[-1].split())
        rows.append(dict(zip(COLUMNS, numbers, strict=True)))
    print_table(f"FSR, batches of {BATCH}", rows)
    if FLAGS.csv:
        write_csv(Path(FLAGS.csv), rows, COLUMNS)


if __name__ == "__main__":
    app.run(main, flags_parser=parse_flags)
