"""Take several steps on all replicas in one call from Python."""

import itertools
from collections.abc import Callable, Iterator, Sequence

import keras
import tensorflow as tf

from fsr_gdw_tf.metrics import results


def make_step_loop(
    classifier: keras.Model,
    step: Callable,
    count_steps: Callable[[], tf.Tensor | int],
    metrics: Callable[[], Sequence[keras.metrics.Metric]],
) -> Callable[[Iterator], dict]:
    """Return a function that takes steps and then reads the metrics.

    Keras' own loop cannot take several steps on several replicas, and reduces
    their results in a way that fails on several hosts. Here a step returns
    nothing, and metrics are read once, summed over all replicas.
    """
    do_not_convert = tf.autograph.experimental.do_not_convert
    count_steps = do_not_convert(count_steps)
    read_metrics = do_not_convert(lambda: results(metrics()))
    take_step = _on_all_replicas(classifier, step)
    loop = _compiled_loop(classifier, take_step, count_steps, read_metrics)

    def execution(iterator):
        if classifier.length_known:
            return loop(iterator)
        _take_steps_to_end(iterator, int(count_steps()), take_step)
        return read_metrics()

    return execution


def _compiled_loop(
    classifier: keras.Model,
    take_step: Callable,
    count_steps: Callable[[], tf.Tensor | int],
    read_metrics: Callable[[], dict],
) -> Callable[[Iterator], dict]:
    """Return the loop over steps as one graph, unless the model is eager."""

    def loop(iterator):
        for _ in tf.range(count_steps()):
            take_step(next(iterator))
        return read_metrics()

    if classifier.run_eagerly:
        return loop
    return tf.function(loop, reduce_retracing=True)


def _take_steps_to_end(
    iterator: Iterator, count: int, take_step: Callable
) -> None:
    """Take at most `count` steps; raise StopIteration if there is no data.

    In Python, because a graph on several hosts cannot ask for the end of data.
    """
    n_taken = 0
    for batch in itertools.islice(iterator, count):
        take_step(batch)
        n_taken += 1
    if not n_taken:
        raise StopIteration


def _on_all_replicas(classifier: keras.Model, step: Callable) -> Callable:
    """Return a function that takes one step on each replica."""
    strategy = classifier.distribute_strategy

    def take_step(batch):
        strategy.run(step, args=(batch,))

    if classifier.run_eagerly:
        return take_step
    return tf.function(
        take_step,
        reduce_retracing=True,
        jit_compile=classifier.jit_compile,
        autograph=False,
    )


def steps_of_execution(classifier: keras.Model) -> tf.Tensor:
    """Return how many steps to take now, none beyond the end of the epoch.

    Keras counts calls; an epoch that resumes in its middle needs fewer.
    """
    limit = classifier.steps_per_execution
    remaining = classifier.steps - classifier.step
    now = tf.where(
        classifier.steps > 0, tf.clip_by_value(remaining, 0, limit), limit
    )
    classifier.step.assign_add(now)
    return now
