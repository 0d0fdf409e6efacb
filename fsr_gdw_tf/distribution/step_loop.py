"""Several steps on all replicas in one call from Python."""

import itertools
from collections.abc import Callable

import tensorflow as tf


def make_step_loop(
    classifier, step: Callable, count: Callable, measured: Callable
):
    """A function of an iterator: `count()` steps, then what was measured.

    Keras' own has no several steps on several replicas, and reduces what
    replicas return in a way that several hosts refuse. Here a step returns
    nothing: metrics are read once, summed over all replicas.
    """
    once = _on_all_replicas(classifier, step)
    plain = tf.autograph.experimental.do_not_convert
    count = plain(count)
    logs = plain(lambda: {m.name: m.result() for m in measured()})

    def several(iterator):
        for _ in tf.range(count()):
            once(next(iterator))
        return logs()

    if not classifier.run_eagerly:
        several = tf.function(several, reduce_retracing=True)

    def execution(iterator):
        if classifier.length_known:
            return several(iterator)
        # Data may end in any step, which a graph on several hosts cannot ask.
        taken = 0
        for batch in itertools.islice(iterator, int(count())):
            once(batch)
            taken += 1
        if not taken:
            raise StopIteration
        return logs()

    return execution


def _on_all_replicas(classifier, step: Callable) -> Callable:
    strategy = classifier.distribute_strategy

    def once(batch):
        strategy.run(step, args=(batch,))

    if classifier.run_eagerly:
        return once
    return tf.function(
        once,
        reduce_retracing=True,
        jit_compile=classifier.jit_compile,
        autograph=False,
    )


def steps_of_execution(classifier) -> tf.Tensor:
    """How many steps to take now: none beyond the end of the epoch.

    Keras counts calls; an epoch that is resumed in its middle needs fewer.
    """
    wanted, left = (
        classifier.steps_per_execution,
        classifier.steps - classifier.step,
    )
    now = tf.where(
        classifier.steps > 0, tf.clip_by_value(left, 0, wanted), wanted
    )
    classifier.step.assign_add(now)
    return now
