"""Write a method's whole train step as a program that needs no TensorFlow.

    python benchmarks/export_step.py --network=resnet32 --programs=steps \\
        --methods=supervised,gdw,gdw_head,fsr
    python benchmarks/run_step.py steps/supervised steps/gdw  # needs only JAX

Methods, flags and random data are those of `step_cost.py`. A folder per
method, `steps/gdw_VirtualStep.ahead_False` for `gdw VirtualStep.ahead=False`:

program.hlo: the whole step, with optimizer, metrics and recorders, as XLA gets
    it from TensorFlow, not yet optimised.
values.npz: the arguments of the first step, by position: a batch, then all
    variables.
manifest.json: the arguments' names, shapes and dtypes, and which argument each
    output is the new value of.

Large networks make large files. `--draw_over=10000` leaves out arrays of more
numbers than that; run_step.py then draws them from a normal distribution of the
same mean and deviation, which is enough to measure time and memory.
"""

import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import recipes
import step_cost
import tensorflow as tf
from absl import app, flags
from xla_programs import XlaProgram, lower

from fsr_gdw_tf.command_line import exit_with_error, parse_flags
from fsr_gdw_tf.distribution import step_loop
from fsr_gdw_tf.errors import InvalidInput
from fsr_gdw_tf.io.files import atomic_write, write_json

FLAGS = flags.FLAGS
flags.DEFINE_string("programs", "steps", "Folder to write the steps to.")
flags.DEFINE_integer(
    "draw_over",
    None,
    "Leave out arrays of more numbers than this; run_step.py draws them.",
    lower_bound=1,
)


def prepare(method: str):
    """Return (classifier, batch) as they are before the first step.

    The benchmark's own stepper sets the classifier up and makes the data.
    """
    classifier, pipeline = step_cost.build(method)
    batch = {}

    def record(iterator):
        batch.update(next(iterator))
        return {}

    classifier.train_function = record  # instead of what would be compiled
    step_cost.stepper(classifier, pipeline)()
    classifier.train_function = None
    return classifier, batch


def whole_step(classifier):
    """Return the classifier's train function for one batch, compiled by XLA."""

    @tf.function(jit_compile=True, autograph=False)
    def step(batch):
        step_loop.steps_of_execution(classifier)
        return classifier.train_step(batch)

    return step


def stored(value: np.ndarray) -> bool:
    """Return whether an argument is written to values.npz."""
    return FLAGS.draw_over is None or value.size <= FLAGS.draw_over


def moments(value: np.ndarray) -> list[float]:
    """Return mean and standard deviation."""
    return [float(np.mean(value)), float(np.std(value))]


def describe(method: str, scope: str, step: XlaProgram) -> dict:
    """Return the manifest."""
    return {
        "network": FLAGS.network,
        "size": FLAGS.size,
        "batch": FLAGS.batch,
        "meta_batch": FLAGS.meta_batch,
        "reward_batch": FLAGS.reward_batch,
        "method": method,
        "scope": scope,
        "tensorflow": tf.__version__,
        "arguments": [
            {"name": name, "shape": value.shape, "dtype": value.dtype.name}
            | ({} if stored(value) else {"drawn": moments(value)})
            for name, value in step.arguments
        ],
        "outputs": step.outputs,
    }


def export(classifier, batch: dict, method: str, folder: Path) -> None:
    """Write the next step without taking it."""
    step = lower(whole_step(classifier), batch)
    manifest = describe(method, recipes.scope(classifier.method), step)
    with atomic_write(folder / "program.hlo") as file:
        file.write_bytes(step.hlo)
    with atomic_write(folder / "values.npz") as path, path.open("wb") as file:
        args = enumerate(step.arguments)
        values = {str(i): v for i, (_, v) in args if stored(v)}
        np.savez(file, **values)
    write_json(folder / "manifest.json", manifest)


def main(argv: list[str]) -> None:
    """Write a folder for each method."""
    keras.utils.set_random_seed(0)
    try:
        for method in FLAGS.methods:  # raise before anything is written
            recipes.load(recipes.parse(method), step_cost.settings())
        for method in FLAGS.methods:
            folder = Path(FLAGS.programs, recipes.folder_name(method))
            export(*prepare(method), method, folder)
            print(folder)
    except InvalidInput as error:
        exit_with_error(error)


if __name__ == "__main__":
    app.run(main, flags_parser=parse_flags)
