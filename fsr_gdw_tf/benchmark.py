"""What a step of each method costs, in time and memory, relative to plain.

    python -m fsr_gdw_tf.benchmark --methods=supervised,gdw,gdw:head,fsr \\
        --csv=cost.csv

A name may be followed by what is to be different: a scope; `dictionary`, for
a meta batch from there; `bank`, for remembered features of it; `raw`, for FSR
without MixUp and re-labelling; `now`, for the meta gradient at the weights of
now, without a virtual step.

Times: all methods in one process, one step each in turn, medians over rounds.
Memory: a process per method, its peak above the same process before training.
"""

import functools
import os
import subprocess
import sys
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from absl import app, flags

from fsr_gdw_tf import methods, networks
from fsr_gdw_tf.classifier import Classifier
from fsr_gdw_tf.data import Batches, arrays
from fsr_gdw_tf.devices import process_memory
from fsr_gdw_tf.dictionary import Dictionary
from fsr_gdw_tf.errors import BadInput, choices
from fsr_gdw_tf.main import parse_flags, refuse
from fsr_gdw_tf.optimizers import SGD
from fsr_gdw_tf.run_folder import show, write_csv

COLUMNS = ["method", "scope", "time_ratio", "memory_ratio", "time_per_step_s"]
METHODS = {
    kind.__name__.lower(): kind
    for kind in (*methods.METHODS, *methods.REGULARISERS)
}
NEEDED = {"finetune": {"start": 0}, "coteaching": {"forget_rate": 0.2}}
WORDS = ("dictionary", "bank", "raw", "now")
NETWORKS = {
    "small_cnn": networks.small_cnn,
    "tiny_cnn": networks.tiny_cnn,
    "resnet32": networks.resnet32,
    "wrn_28_2": functools.partial(networks.wide_resnet, width=2),
    "resnet50": networks.resnet50,
}

FLAGS = flags.FLAGS
flags.DEFINE_list(
    "methods",
    ["supervised", "mwnet", "gdw", "gdw:head", "fsr"],
    "Names, perhaps with a scope or other words after colons; the first is "
    "the unit.",
)
flags.DEFINE_string("csv", None, "Where to write the table.")
flags.DEFINE_string("network", "resnet32", f"One of {', '.join(NETWORKS)}.")
flags.DEFINE_integer("batch", 100, "Training examples per step.")
flags.DEFINE_integer("meta_batch", 100, "Meta examples per step.")
flags.DEFINE_integer("reward_batch", 200, "Drawn from a dictionary per step.")
flags.DEFINE_integer("examples", 2000, "In the training set and dictionary.")
flags.DEFINE_integer("size", 32, "Width and height of the (random) images.")
flags.DEFINE_integer("rounds", 10, "Steps of each method.")
flags.DEFINE_string("memory_of", None, "Print one method's peak, in bytes.")


def build(spec: str) -> Classifier:
    """The classifier of a name such as `gdw:head` or `fsr:raw:bank`."""
    name, words, scope = parse(spec)
    kwargs = {"scope": scope} if scope else {**NEEDED.get(name, {})}
    if {"dictionary", "bank"} & words or name == "fsr":
        kwargs["meta"] = Dictionary(
            FLAGS.examples,
            FLAGS.reward_batch,
            features="bank" if "bank" in words else "fresh",
        )
    if "now" in words:
        kwargs["ahead"] = False
    extras = []
    if name == "fsr" and "raw" not in words:
        extras = [methods.MixUp(), methods.Relabel()]
    method = METHODS[name](**kwargs)
    if isinstance(method, methods.Regulariser):
        method, extras = methods.Supervised(), [method]
    parts = NETWORKS[FLAGS.network]((FLAGS.size, FLAGS.size, 3), 10)
    classifier = Classifier(*parts, method, extras, l2=5e-4)
    classifier.compile(SGD(0.1, momentum=0.9))
    return classifier


def parse(spec: str) -> tuple[str, set[str], str]:
    """Name, words and scope of a spec, checked."""
    name, *rest = spec.split(":")
    if name not in METHODS:
        raise BadInput(f"no method {name!r}: {choices(name, METHODS)}")
    if FLAGS.network not in NETWORKS:
        known = choices(FLAGS.network, NETWORKS)
        raise BadInput(f"no network {FLAGS.network!r}: {known}")
    if rest and not issubclass(METHODS[name], methods.MetaMethod):
        raise BadInput(f"{name} has no virtual step and so no {rest[0]!r}")
    words = set(rest) & set(WORDS)
    if "raw" in words and name != "fsr":
        raise BadInput(f"{name} has no extras: 'raw' goes with fsr")
    scopes = [word for word in rest if word not in WORDS]
    if len(scopes) > 1:
        raise BadInput(f"{spec} names {len(scopes)} scopes: {scopes}")
    return name, words, scopes[0] if scopes else ""


def stepper(classifier: Classifier):
    """A function that takes one training step and waits for it."""
    n, m = FLAGS.examples, FLAGS.meta_batch
    rng = np.random.default_rng(0)
    shape = (n + m, FLAGS.size, FLAGS.size, 3)
    images = rng.integers(0, 256, shape).astype(np.uint8)
    labels = np.arange(n + m) % 10
    names = [str(c) for c in range(10)]
    train = arrays(images[:n], labels[:n], names)
    meta = arrays(images[n:], labels[n:], names)
    batches = Batches(FLAGS.batch, meta_size=m)
    classifier.bind(train, batches)
    if classifier.method.dictionary:
        classifier.method.dictionary.refresh(classifier, train, epoch=0)
    own = classifier.method.uses_meta and classifier.method.meta_in_batches
    dataset = batches.train(train, epochs=1, meta=meta if own else None)
    iterator = iter(dataset.cache().repeat())
    classifier.make_train_function()

    def step():
        logs = classifier.train_function(iterator)
        return {name: float(value) for name, value in logs.items()}

    return step


def times(specs: list[str], rounds: int) -> dict[str, float]:
    """Median seconds per step, all methods interleaved."""
    steps = {spec: stepper(build(spec)) for spec in specs}
    seconds = {spec: [] for spec in specs}
    for step in steps.values():
        step(), step()  # the first one traces
    for _ in range(rounds):
        for spec, step in steps.items():
            start = time.perf_counter()
            step()
            seconds[spec].append(time.perf_counter() - start)
    return {spec: float(np.median(s)) for spec, s in seconds.items()}


def peak_memory(spec: str) -> int:
    """Bytes at the peak of three steps, above what stood there before."""
    classifier = build(spec)
    idle = process_memory("VmRSS")
    step = stepper(classifier)
    for _ in range(3):
        step()
    return process_memory("VmHWM") - idle


def peak_memory_alone(spec: str) -> int:
    """The same in a process of its own."""
    flag = f"--memory_of={spec}"
    command = [sys.executable, "-m", "fsr_gdw_tf.benchmark", *sys.argv[1:]]
    ended = subprocess.run(
        [*command, flag], check=True, stdout=subprocess.PIPE, text=True
    )
    return int(ended.stdout.split()[-1])


def main(argv: list[str]) -> None:
    """Measure, print, write."""
    keras.utils.set_random_seed(0)
    try:
        if FLAGS.memory_of:
            print(peak_memory(FLAGS.memory_of))
            return
        scopes = {}
        for spec in FLAGS.methods:
            classifier = build(spec)
            stepper(classifier)  # what is wrong is told before measuring
            scopes[spec] = getattr(classifier.method, "scope", "")
    except BadInput as error:
        refuse(error)
    memory = {spec: peak_memory_alone(spec) for spec in FLAGS.methods}
    seconds = times(FLAGS.methods, FLAGS.rounds)
    first = FLAGS.methods[0]
    rows = []
    for spec in FLAGS.methods:
        name, words, _ = parse(spec)
        row = [
            ":".join([name, *(w for w in spec.split(":") if w in words)]),
            scopes[spec],
            round(seconds[spec] / seconds[first], 3),
            round(memory[spec] / memory[first], 3),
            round(seconds[spec], 4),
        ]
        rows.append(dict(zip(COLUMNS, row, strict=True)))
    show(f"{FLAGS.network}, {FLAGS.batch} + {FLAGS.meta_batch}", rows)
    if FLAGS.csv:
        write_csv(Path(FLAGS.csv), rows, COLUMNS)


if __name__ == "__main__":
    app.run(main, flags_parser=parse_flags)
