"""An epoch of training (or a part), and a test, each as one XLA program.

The loop over steps is part of the program, and so is the augmentation; the
images stay on the device as an argument. `batches.py` says which image, crop
and mirror each place of each batch has, so that a program depends on the number
of examples, but not on their labels or order.
"""

from collections.abc import Callable

import tensorflow as tf
from xla_programs import XlaProgram, lower

from fsr_gdw_tf.classifier import Classifier
from fsr_gdw_tf.distribution import step_loop
from fsr_gdw_tf.method import Batch

META = "meta_"
COLUMNS = ("index", "row", "label", "y", "x")


def train_program(classifier: Classifier, batches: dict) -> XlaProgram:
    """Return the program of all steps in some batches.

    batches: the images, and arrays as `batches.epoch_batches` returns them;
        those of the meta set have the prefix META.
    """
    steps = len(batches["index"])

    @tf.function(jit_compile=True, autograph=False)
    def epoch(batches):
        def step(i):
            step_loop.steps_of_execution(classifier)
            classifier.update_weights(batch_at(batches, i, classifier.classes))

        repeat(step, steps)
        return results(classifier.train_metrics)

    return lower(epoch, batches)


def test_program(classifier: Classifier, batches: dict) -> XlaProgram:
    """Return the program of a test, with averaged weights if there are any.

    batches: the images, and arrays as `batches.test_batches` returns them.
    """
    steps = len(batches["row"])

    @tf.function(jit_compile=True, autograph=False)
    def test(batches):
        def step(i):
            row = batches["row"][i]
            images = tf.gather(batches["images"], tf.maximum(row, 0))
            label = tf.one_hot(batches["label"][i], classifier.classes)
            batch = {"inputs": images, "label": label, "index": row}
            classifier.test_step(batch)

        for metric in classifier.eval_metrics:
            metric.reset_state()
        repeat(step, steps)
        return results(classifier.eval_metrics)

    return lower(test, batches)


def repeat(step: Callable, count: int) -> None:
    """Call `step(i)` for each i below `count`.

    A single step is not in a loop: on a CPU XLA computes gradients of
    convolutions in loops more than ten times slower than outside of them.
    """
    if count == 1:
        step(0)
        return

    def body(i):
        step(i)
        return [i + 1]

    tf.while_loop(lambda i: i < count, body, [tf.constant(0)])


def results(metrics: list) -> dict[str, tf.Tensor]:
    """Return the present values of metrics."""
    return {metric.name: metric.result() for metric in metrics}


def batch_at(batches: dict, i: tf.Tensor, classes: int) -> Batch:
    """Return the batch of a step, as the input pipeline makes it."""
    batch = examples_at(batches, i, "", classes)
    if f"{META}row" in batches:
        meta = examples_at(batches, i, META, classes)
        batch["meta_inputs"] = meta["inputs"]
        batch["meta_label"] = meta["label"]
    return batch


def examples_at(batches: dict, i: tf.Tensor, prefix: str, classes: int) -> dict:
    """Return inputs, label and index of a step."""
    index, row, label, y, x = (batches[prefix + name][i] for name in COLUMNS)
    inputs = take_views(batches["images"], row, y, x)
    label = tf.one_hot(label, classes)
    return {"inputs": inputs, "label": label, "index": index}


def take_views(
    images: tf.Tensor, row: tf.Tensor, y: tf.Tensor, x: tf.Tensor
) -> tf.Tensor:
    """Return the views of some images: `batches.take_views`."""
    y, x = tf.cast(y, tf.int32), tf.cast(x, tf.int32)
    views = tf.gather(images, row)
    views = tf.gather(views, tf.maximum(y, 0), axis=1, batch_dims=1)
    views = tf.gather(views, tf.maximum(x, 0), axis=2, batch_dims=1)
    inside = (y >= 0)[:, :, None] & (x >= 0)[:, None, :]
    return tf.where(inside[..., None], views, tf.zeros_like(views))
