"""Measure what a step of each method costs, relative to plain training.

    python benchmarks/step_cost.py --csv=cost.csv \\
        --methods="supervised,gdw,gdw VirtualStep.ahead=False,gdw_head,fsr"

Methods are written as in `recipes.py`. The column `meta_batch` is --meta_batch,
even where a method sets its own META_BATCH_SIZE.

`keras` is stock Keras: the same network and batches, its own train function,
SGD, cross-entropy and accuracy. It adds no L2 to the gradients and records
nothing per example: a lower bound on the cost of a step.

Times: all methods in one process, one step each in turn, medians over rounds.
With `meta_every=4` there are four kinds of steps: the mean of four medians.
Memory: a process per method; what TensorFlow's allocator holds at the peak of a
step, weights and data included, tracing and reading the dictionary's members
not. TensorFlow counts the memory of each GPU and, with oneDNN, of the CPU's
tensors of 256 KiB and more; elsewhere the column is empty.
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
import recipes
import tensorflow as tf
from absl import app, flags
from recipes import KERAS
from result_tables import COST_COLUMNS

from fsr_gdw_tf import networks
from fsr_gdw_tf.classifier import Classifier
from fsr_gdw_tf.command_line import exit_with_error, parse_flags
from fsr_gdw_tf.data import InputPipeline, arrays
from fsr_gdw_tf.errors import InvalidInput
from fsr_gdw_tf.experiments import gin_config
from fsr_gdw_tf.io.console import print_table
from fsr_gdw_tf.io.files import write_csv
from fsr_gdw_tf.optimizers import SGD

COLUMNS = list(COST_COLUMNS)
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
    ["supervised", "mwnet", "gdw", "gdw_head", "fsr"],
    "Methods as in recipes.py; ratios are to the first one.",
)
flags.DEFINE_string("csv", None, "CSV file to write.")
flags.DEFINE_enum("network", "resnet32", list(NETWORKS), "Network to train.")
flags.DEFINE_integer("batch", 100, "Training examples per step.")
flags.DEFINE_integer("meta_batch", 100, "Meta examples per step.")
flags.DEFINE_integer(
    "reward_batch", 200, "Examples drawn from the dictionary per step."
)
flags.DEFINE_integer(
    "examples", 2000, "Size of the training set and of the dictionary."
)
flags.DEFINE_integer("size", 32, "Width and height of the random images.")
flags.DEFINE_integer("rounds", 10, "Measured steps of each method.")
flags.DEFINE_string(
    "memory_of", None, "Print the peak memory of this method, in bytes."
)


def settings() -> list[str]:
    """Return the gin bindings that are the same for all methods."""
    return [
        f"BATCH_SIZE={FLAGS.batch}",
        f"META_BATCH_SIZE={FLAGS.meta_batch}",
        f"DICTIONARY={FLAGS.examples}",
        f"REWARD_BATCH={FLAGS.reward_batch}",
        "FORGET_RATE=0.2",
        "FINETUNE_FROM=0",
    ]


def build(method: str) -> tuple[keras.Model, InputPipeline]:
    """Return a method's compiled model and its input pipeline."""
    # Number layers anew, so that a scope means the same each time.
    keras.utils.clear_session(free_memory=False)
    stock = method == KERAS
    recipe = recipes.parse("supervised" if stock else method)
    config = recipes.load(recipe, settings())
    pipeline = gin_config.instantiate(InputPipeline)
    shape = (FLAGS.size, FLAGS.size, 3)
    features, head = NETWORKS[FLAGS.network](shape, CLASSES)
    if stock:
        return stock_model(features, head), pipeline
    parts = config.method, config.regularisers
    rest = config.l2, config.ema, config.track_labels
    classifier = Classifier(features, head, *parts, *rest)
    classifier.compile(SGD(0.1, momentum=0.9))
    return classifier, pipeline


def stock_model(features: keras.Model, head: keras.layers.Layer) -> keras.Model:
    """Return the same network, compiled for training by Keras alone."""
    model = keras.Model(features.inputs[0], head(features.outputs[0]))
    model.compile(
        keras.optimizers.SGD(0.1, momentum=0.9),
        keras.losses.CategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    return model


def dataset(
    model: keras.Model, pipeline: InputPipeline, epochs: int = 1
) -> tf.data.Dataset:
    """Return batches of random images, and set the model up for them."""
    n, meta_batch = FLAGS.examples, pipeline.meta_batch_size
    shape = (n + meta_batch, FLAGS.size, FLAGS.size, 3)
    images = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    labels = np.arange(len(images)) % CLASSES
    names = [str(c) for c in range(CLASSES)]
    train = arrays(images[:n], labels[:n], names)
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


def stepper(model: keras.Model, pipeline: InputPipeline) -> Callable:
    """Return a function that takes one training step and waits for it."""
    iterator = iter(dataset(model, pipeline).cache().repeat())
    model.make_train_function()

    def step():
        logs = model.train_function(iterator)
        return {name: float(value) for name, value in logs.items()}

    return step


def time_steps(
    models: dict[str, keras.Model], steps: dict[str, Callable], rounds: int
) -> dict[str, float]:
    """Return the median seconds per step, all methods interleaved."""
    seconds = {method: [] for method in steps}
    for step in steps.values():
        step(), step()  # the first one traces
    for _ in range(rounds):
        for method, step in steps.items():
            start = time.perf_counter()
            step()
            seconds[method].append(time.perf_counter() - start)
    return {
        method: typical(seconds[method], meta_every(model))
        for method, model in models.items()
    }


def meta_every(model: keras.Model) -> int:
    """Return how many kinds of steps a model has."""
    is_ours = isinstance(model, Classifier)
    return recipes.meta_every(model.method) if is_ours else 1


def typical(seconds: list[float], kinds: int = 1) -> float:
    """Return the median; of alternating kinds of steps, their mean median."""
    by_kind = [seconds[kind::kinds] for kind in range(kinds)]
    if not by_kind[-1]:
        raise InvalidInput(
            f"steps of {kinds} kinds need as many rounds, got {len(seconds)}"
        )
    return float(np.mean([np.median(kind) for kind in by_kind]))


def peak_memory(method: str) -> int:
    """Return TensorFlow's peak in three steps, in bytes; 0: not counted.

    The peak of the process would not do: the CPU's allocator returns nothing
    to the system, so a step would seem to hold what filling the dictionary
    needed before.
    """
    step = stepper(*build(method))
    step()  # traces
    kind = "GPU" if tf.config.list_logical_devices("GPU") else "CPU"
    try:
        tf.config.experimental.reset_memory_stats(f"{kind}:0")
    except ValueError:
        return 0
    for _ in range(3):
        step()
    return tf.config.experimental.get_memory_info(f"{kind}:0")["peak"]


def peak_memory_alone(method: str) -> int:
    """Return the peak memory of a method, measured in its own process."""
    command = [sys.executable, __file__, *sys.argv[1:]]
    process = subprocess.run(
        [*command, f"--memory_of={method}"],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return int(process.stdout.split()[-1])


def scope_of(model: keras.Model) -> str:
    """Return the scope of the virtual step; empty where there is none."""
    is_ours = isinstance(model, Classifier)
    return recipes.scope(model.method) if is_ours else ""


def table(methods: list[str]) -> list[dict]:
    """Return a row for each method, with ratios to the first one."""
    # Bad methods raise here, before anything is measured.
    built = {method: build(method) for method in methods}
    steps = {method: stepper(*parts) for method, parts in built.items()}
    models = {method: model for method, (model, _) in built.items()}
    memory = {method: peak_memory_alone(method) for method in methods}
    seconds = time_steps(models, steps, FLAGS.rounds)
    rows, unit = [], methods[0]
    for method in methods:
        row = [FLAGS.network, FLAGS.batch, FLAGS.meta_batch]
        row += [method, scope_of(models[method])]
        row.append(round(seconds[method] / seconds[unit], 3))
        counted = memory[method] and memory[unit]
        row.append(round(memory[method] / memory[unit], 3) if counted else "")
        row.append(round(seconds[method], 5))
        rows.append(dict(zip(COLUMNS, row, strict=True)))
    return rows


def main(argv: list[str]) -> None:
    """Measure, print and write the table."""
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
