"""What a step of each method costs, in time and memory, relative to plain.

    python benchmarks/step_cost.py --methods=supervised,gdw,gdw:head,fsr \\
        --csv=cost.csv

Names are those of `specs.py`: `gdw:now` is GDW without a virtual step. In the
table `scope` is apart from the rest of a name; `meta_batch` is --meta_batch,
whatever number of meta examples a name says.

`keras` is stock Keras: the same network and batches, its own train function,
SGD, cross-entropy and accuracy. It has no l2, which our step adds to the
gradients, and keeps no books: a lower bound of what a stock step costs.

Times: all methods in one process, one step each in turn, medians over rounds;
of `every4`, whose steps are of four kinds, the mean of four medians.
Memory: a process per method; what TensorFlow's allocator holds at the peak of a
step, weights and data included, tracing and the reading of a dictionary not. It
has an account of each GPU and, if it uses oneDNN, of the CPU, of tensors of
256 KiB and more; where it has none the column is empty.
"""

import functools
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf
from absl import app, flags
from specs import KERAS, METHODS, Spec, parse

from fsr_gdw_tf import methods, networks, regularisers
from fsr_gdw_tf.classifier import Classifier
from fsr_gdw_tf.command_line import exit_with_error, parse_flags
from fsr_gdw_tf.data import Identity, InputPipeline, arrays
from fsr_gdw_tf.dictionary import Dictionary
from fsr_gdw_tf.errors import InvalidInput
from fsr_gdw_tf.io.console import print_table
from fsr_gdw_tf.io.files import write_csv
from fsr_gdw_tf.optimizers import SGD

COLUMNS = ["network", "batch", "meta_batch", "method", "scope", "time_ratio"]
COLUMNS += ["memory_ratio", "time_per_step_s"]
NEEDED = {"finetune": {"start": 0}, "coteaching": {"forget_rate": 0.2}}
NETWORKS = {
    "small_cnn": networks.small_cnn,
    "tiny_cnn": networks.tiny_cnn,
    "resnet32": networks.resnet32,
    "wrn_28_2": functools.partial(networks.wide_resnet, width=2),
    "wrn_28_10": networks.wide_resnet,
    "resnet50": networks.resnet50,
}
CLASSES = 10

FLAGS = flags.FLAGS
flags.DEFINE_list(
    "methods",
    ["supervised", "mwnet", "gdw", "gdw:head", "fsr"],
    "Names, perhaps with a scope or other words after colons; the first is "
    "the unit.",
)
flags.DEFINE_string("csv", None, "Where to write the table.")
flags.DEFINE_enum("network", "resnet32", list(NETWORKS), "What is trained.")
flags.DEFINE_integer("batch", 100, "Training examples per step.")
flags.DEFINE_integer("meta_batch", 100, "Meta examples per step.")
flags.DEFINE_integer("reward_batch", 200, "Drawn from a dictionary per step.")
flags.DEFINE_integer("examples", 2000, "In the training set and dictionary.")
flags.DEFINE_integer("size", 32, "Width and height of the (random) images.")
flags.DEFINE_integer("rounds", 10, "Steps of each method.")
flags.DEFINE_string("memory_of", None, "Print one method's peak, in bytes.")


def build(spec: str) -> keras.Model:
    """The compiled model of a name such as `gdw:head` or `fsr:raw:bank`."""
    told = parse(spec)
    # Layers are numbered anew, so that a scope means the same each time.
    keras.utils.clear_session(free_memory=False)
    shape = (FLAGS.size, FLAGS.size, 3)
    features, head = NETWORKS[FLAGS.network](shape, CLASSES)
    if told.name == KERAS:
        return stock(features, head)
    classifier = Classifier(features, head, *method_of(told), l2=5e-4)
    classifier.compile(SGD(0.1, momentum=0.9))
    return classifier


def stock(features: keras.Model, head: keras.layers.Layer) -> keras.Model:
    """The same network as anybody would train it with Keras alone."""
    model = keras.Model(features.inputs[0], head(features.outputs[0]))
    model.compile(
        keras.optimizers.SGD(0.1, momentum=0.9),
        keras.losses.CategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    return model


def method_of(spec: Spec) -> tuple[methods.Method, list]:
    """The method and its regularisers."""
    kwargs = {**NEEDED.get(spec.name, {})}
    if spec.scope:
        kwargs["scope"] = spec.scope
    if spec.from_dictionary:
        features = "bank" if "bank" in spec.words else "fresh"
        kwargs["meta"] = Dictionary(
            FLAGS.examples, FLAGS.reward_batch, features=features
        )
    if "joint" in spec.words:
        kwargs["meta_statistics"] = "joint"
    if "now" in spec.words:
        kwargs["ahead"] = False
    if spec.meta_every != 1:
        kwargs["meta_every"] = spec.meta_every
    method = METHODS[spec.name](**kwargs)
    if isinstance(method, regularisers.Regulariser):
        return methods.Supervised(), [method]
    mixed = [regularisers.MixUp(), regularisers.Relabel()] if spec.mixed else []
    return method, mixed


def dataset(
    model: keras.Model,
    meta_batch: int | None = None,
    view: Identity | None = None,
    epochs: int = 1,
) -> tf.data.Dataset:
    """Batches of random images; what trains on them is set up for them."""
    n = FLAGS.examples
    meta_batch = FLAGS.meta_batch if meta_batch is None else meta_batch
    shape = (n + meta_batch, FLAGS.size, FLAGS.size, 3)
    images = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    labels = np.arange(len(images)) % CLASSES
    names = [str(c) for c in range(CLASSES)]
    train = arrays(images[:n], labels[:n], names)
    pipeline = InputPipeline(
        FLAGS.batch, meta_batch_size=meta_batch, view=view or Identity()
    )
    if not isinstance(model, Classifier):
        data = pipeline.train(train, epochs)
        return data.map(lambda batch: (batch["inputs"], batch["label"]))
    method, meta = model.method, None
    model.setup(train, pipeline)
    if method.dictionary:
        method.dictionary.refresh(model, train, epoch=0)
    if method.uses_meta and method.meta_in_batches:
        meta = arrays(images[n:], labels[n:], names)
    return pipeline.train(train, epochs, meta=meta)


def stepper(model: keras.Model, meta_batch: int | None = None) -> Callable:
    """A function that takes one training step and waits for it."""
    iterator = iter(dataset(model, meta_batch).cache().repeat())
    model.make_train_function()

    def step():
        logs = model.train_function(iterator)
        return {name: float(value) for name, value in logs.items()}

    return step


def step_of(spec: str) -> Callable:
    """The same of a name."""
    return stepper(build(spec), parse(spec).meta_batch)


def times(specs: list[str], rounds: int) -> dict[str, float]:
    """Median seconds per step, all methods interleaved."""
    steps = {spec: step_of(spec) for spec in specs}
    seconds = {spec: [] for spec in specs}
    for step in steps.values():
        step(), step()  # the first one traces
    for _ in range(rounds):
        for spec, step in steps.items():
            start = time.perf_counter()
            step()
            seconds[spec].append(time.perf_counter() - start)
    return {
        spec: typical(found, parse(spec).meta_every)
        for spec, found in seconds.items()
    }


def typical(seconds: list[float], turns: int = 1) -> float:
    """The median; of steps that take turns, the mean of their medians."""
    kinds = [seconds[turn::turns] for turn in range(turns)]
    if not kinds[-1]:
        raise InvalidInput(
            f"steps of {turns} kinds need as many rounds, got {len(seconds)}"
        )
    return float(np.mean([np.median(kind) for kind in kinds]))


def peak_memory(spec: str) -> int:
    """Bytes that TensorFlow holds at the peak of three steps; 0: not known.

    Not those of the process: the CPU's allocator returns nothing to it, so
    that steps would seem to hold what a dictionary's first reading needed.
    """
    step = step_of(spec)
    step()  # traces
    kind = "GPU" if tf.config.list_logical_devices("GPU") else "CPU"
    try:
        tf.config.experimental.reset_memory_stats(f"{kind}:0")
    except ValueError:
        return 0
    for _ in range(3):
        step()
    return tf.config.experimental.get_memory_info(f"{kind}:0")["peak"]


def peak_memory_alone(spec: str) -> int:
    """The same in a process of its own."""
    flag = f"--memory_of={spec}"
    command = [sys.executable, __file__, *sys.argv[1:]]
    ended = subprocess.run(
        [*command, flag], check=True, stdout=subprocess.PIPE, text=True
    )
    return int(ended.stdout.split()[-1])


def scopes_of(specs: list[str]) -> dict[str, str]:
    """The scope of each; what is wrong is told here, before measuring."""
    scopes = {}
    for spec in specs:
        model = build(spec)
        stepper(model, parse(spec).meta_batch)
        scopes[spec] = getattr(getattr(model, "method", None), "scope", "")
    return scopes


def table(specs: list[str]) -> list[dict]:
    """A row for each method; the first is the unit."""
    scopes = scopes_of(specs)
    memory = {spec: peak_memory_alone(spec) for spec in specs}
    seconds = times(specs, FLAGS.rounds)
    rows, unit = [], specs[0]
    for spec in specs:
        row = [FLAGS.network, FLAGS.batch, FLAGS.meta_batch]
        row += [parse(spec).method, scopes[spec]]
        row.append(round(seconds[spec] / seconds[unit], 3))
        known = memory[spec] and memory[unit]
        row.append(round(memory[spec] / memory[unit], 3) if known else "")
        row.append(round(seconds[spec], 5))
        rows.append(dict(zip(COLUMNS, row, strict=True)))
    return rows


def main(argv: list[str]) -> None:
    """Measure, print, write."""
    keras.utils.set_random_seed(0)
    try:
        if FLAGS.memory_of:
            print(peak_memory(FLAGS.memory_of))
            return
        rows = table(FLAGS.methods)
    except InvalidInput as error:
        exit_with_error(error)
    shown = [{name: row[name] for name in COLUMNS[3:]} for row in rows]
    print_table(f"{FLAGS.network}, {FLAGS.batch} + {FLAGS.meta_batch}", shown)
    if FLAGS.csv:
        write_csv(Path(FLAGS.csv), rows, COLUMNS)


if __name__ == "__main__":
    app.run(main, flags_parser=parse_flags)
