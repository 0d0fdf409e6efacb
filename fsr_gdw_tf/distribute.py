"""How replicas share a step; with `devices.py` the only file that knows them.

Keras optimizers add the gradients of the replicas up, so a loss is divided by
the number of examples in the GLOBAL batch; one replica and several then take
the same step. Each global batch is cut into one part per replica before any
input of a `Source` is read, so no host decodes what it does not train on.
"""

import functools
import itertools
from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

from fsr_gdw_tf.devices import host
from fsr_gdw_tf.errors import BadInput


class Share(NamedTuple):
    """The replicas, out of all, that one host's input pipeline feeds."""

    replicas: int = 1
    first: int = 0
    count: int = 1

    def part(self, size: int, what: str = "batch") -> int:
        """How many examples of a global batch each replica gets."""
        if size % self.replicas:
            lower = size // self.replicas * self.replicas
            fitting = [k for k in (lower, lower + self.replicas) if k]
            raise BadInput(
                f"a global {what} of {size} cannot be split evenly over "
                f"{self.replicas} replicas; take "
                f"{' or '.join(map(str, fitting))}, or let it count for each "
                "replica (PER_REPLICA)"
            )
        return size // self.replicas

    def of(self, order, part: int):
        """What these replicas see of an order of global batches."""
        cut = tf.reshape(order, [-1, self.replicas, part])
        mine = cut[:, self.first : self.first + self.count]
        return tf.reshape(mine, [-1])


def spread(
    strategy: tf.distribute.Strategy,
    make: Callable[[Share], tf.data.Dataset],
):
    """The same dataset for all replicas; each host reads its own share."""
    total = strategy.num_replicas_in_sync
    if total == 1:
        return make(Share())

    def of_host(context: tf.distribute.InputContext) -> tf.data.Dataset:
        count = total // context.num_input_pipelines
        return make(Share(total, context.input_pipeline_id * count, count))

    return strategy.distribute_datasets_from_function(of_host)


def cut(dataset: tf.data.Dataset, share: Share) -> tf.data.Dataset:
    """Global batches of any size as even parts for each replica.

    What cannot be split evenly is left out: an empty part would make NaN. On
    several hosts each reads the whole dataset, so that it has to come in the
    same order on all of them.
    """
    count = share.replicas
    if count == 1:
        return dataset
    for name, spec in dataset.element_spec.items():
        if spec.shape[0] is not None and spec.shape[0] < count:
            raise BadInput(
                f"batches hold {spec.shape[0]} {name}, fewer than the {count} "
                "replicas that share them; make them larger"
            )

    def parts(x: tf.Tensor) -> tf.Tensor:
        size = tf.shape(x)[0] // count
        shape = tf.concat([[count, size], tf.shape(x)[1:]], 0)
        even = tf.reshape(x[: size * count], shape)
        even = tf.ensure_shape(even, [None, None, *x.shape[1:]])
        return even[share.first : share.first + share.count]

    def filled(batch) -> tf.Tensor:
        return tf.reduce_all([tf.size(x) > 0 for x in batch.values()])

    dataset = dataset.map(lambda batch: tf.nest.map_structure(parts, batch))
    # Before `unbatch`, which crashes on parts without an example.
    return dataset.filter(filled).unbatch()


def loop(learner, step: Callable, count: Callable, measured: Callable):
    """A function of an iterator: `count()` steps, then what was measured.

    Keras' own has no several steps on several replicas, and reduces what
    replicas return in a way that several hosts refuse. Here a step returns
    nothing: metrics are read once, summed over all replicas.
    """
    once = _on_all_replicas(learner, step)
    plain = tf.autograph.experimental.do_not_convert
    count = plain(count)
    logs = plain(lambda: {m.name: m.result() for m in measured()})

    def several(iterator):
        for _ in tf.range(count()):
            once(next(iterator))
        return logs()

    if not learner.run_eagerly:
        several = tf.function(several, reduce_retracing=True)

    def execution(iterator):
        if learner.length_known:
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


def _on_all_replicas(learner, step: Callable) -> Callable:
    strategy = learner.distribute_strategy

    def once(batch):
        strategy.run(step, args=(batch,))

    if learner.run_eagerly:
        return once
    return tf.function(
        once,
        reduce_retracing=True,
        jit_compile=learner.jit_compile,
        autograph=False,
    )


def steps_of_execution(learner) -> tf.Tensor:
    """How many steps to take now: none beyond the end of the epoch.

    Keras counts calls; an epoch that is resumed in its middle needs fewer.
    """
    wanted, left = learner.steps_per_execution, learner.steps - learner.step
    now = tf.where(learner.steps > 0, tf.clip_by_value(left, 0, wanted), wanted)
    learner.step.assign_add(now)
    return now


def total_over_replicas(value: int, strategy: tf.distribute.Strategy) -> int:
    """The sum of what each replica's host says; all hosts must ask."""
    if host().count < 2:
        return value * strategy.num_replicas_in_sync
    return int(_total(strategy)(tf.constant(value)))


def wait_for_all(strategy: tf.distribute.Strategy) -> None:
    """Nobody leaves before the first host has written; all hosts must ask."""
    total_over_replicas(0, strategy)


@functools.cache
def _total(strategy: tf.distribute.Strategy):
    @tf.function
    def total(value):
        each = strategy.run(tf.identity, args=(value,))
        return strategy.reduce("SUM", each, axis=None)

    return total


def replicas() -> int:
    """How many replicas compute the current step together."""
    return tf.distribute.get_strategy().num_replicas_in_sync


def mean(per_example: tf.Tensor) -> tf.Tensor:
    """This replica's part of the mean over the global batch."""
    return tf.reduce_mean(per_example) / replicas()


def global_size(per_example: tf.Tensor) -> tf.Tensor:
    """The number of examples in the global batch."""
    return tf.shape(per_example)[0] * replicas()


def add_up(tensors):
    """The sum over all replicas, differentiable."""
    if replicas() == 1:
        return tensors
    context = tf.distribute.get_replica_context()
    return context.all_reduce(tf.distribute.ReduceOp.SUM, tensors)


def average(variables) -> None:
    """Bring what each replica has learned for itself to their mean.

    Keras leaves every replica its own moving statistics of normalisation, so
    tests would differ between them, and a checkpoint would hold those of one.
    """
    if replicas() == 1 or not variables:
        return
    values = [tf.reshape(v.value, [-1]) for v in variables]
    # One message instead of a hundred small ones.
    mean = add_up(tf.concat(values, 0)) / replicas()
    parts = tf.split(mean, [v.shape[0] for v in values])
    for variable, part in zip(variables, parts, strict=True):
        variable.assign(tf.reshape(part, variable.shape))


def write_rows(table, index: tf.Tensor, rows: tf.Tensor) -> None:
    """table[index] <- rows, on all replicas; no index twice in a batch.

    Each replica writes the rows of all into a copy of its own, so that the
    cost is that of a batch; the table is created with aggregation="none".
    """
    rows = tf.cast(rows, table.dtype)
    if replicas() > 1:
        index, rows = everyones(tf.cast(index, tf.int32)), everyones(rows)
    table.value.scatter_update(tf.IndexedSlices(rows, index))


def renew_rows(table, owners: tf.Tensor, index: tf.Tensor, rows) -> None:
    """table[i] <- the row of owners[i], of those who are in this batch.

    For a few owners of many examples. Each replica sees a part of the batch:
    the table is created with aggregation="sum", and what changes is added.
    """
    same = owners[:, None] == tf.cast(index, owners.dtype)[None]
    present = tf.reduce_any(same, axis=1, keepdims=True)
    rows = tf.cast(tf.stop_gradient(rows), table.dtype)
    mine = tf.gather(rows, tf.argmax(tf.cast(same, tf.int32), axis=1))
    change = tf.where(present, mine - table.value, tf.zeros_like(mine))
    table.value.assign_add(change)


MIXING, DRAWING = 0, 1  # streams of random numbers in a step


def step_uniform(step, seed: int, stream: int, shape, same=False) -> tf.Tensor:
    """Uniform numbers: new each step, others on each replica unless `same`.

    XLA draws other numbers from the same key than TensorFlow does, so a run
    with jit_compile repeats itself, but not a run without.
    """
    turn = tf.cast(step, tf.int32)
    if not same:
        turn = turn * replicas() + _replica()
    key = [3 * seed + stream, turn]
    return tf.random.stateless_uniform(shape, key)


def smallest(values: tf.Tensor) -> tf.Tensor:
    """The minimum over all replicas."""
    return tf.reduce_min(everyones(tf.reduce_min(values, keepdims=True)))


def everyones(rows: tf.Tensor) -> tf.Tensor:
    """The rows of all replicas, one replica's after another's.

    As a sum: TensorFlow's all_gather fails on several hosts.
    """
    mine = tf.range(replicas()) == _replica()
    mine = tf.reshape(mine, [-1, *([1] * rows.shape.rank)])
    # Chosen, not multiplied: a product of matrices rounds on some devices.
    own = tf.where(mine, rows[None], tf.zeros_like(rows)[None])
    return tf.reshape(add_up(own), [-1, *rows.shape[1:]])


def own(rows: tf.Tensor) -> tf.Tensor:
    """This replica's part of rows for all, as `everyones` puts them."""
    size = tf.shape(rows)[0] // replicas()
    return rows[_replica() * size :][:size]


def ranks(values: tf.Tensor) -> tf.Tensor:
    """How many values of the global batch are smaller than each of ours.

    Of equal ones the first is the smallest, so that no two have one rank.
    """
    every = everyones(values)
    place = tf.range(tf.shape(every)[0])
    before = place[None] < own(place)[:, None]
    same = every[None] == values[:, None]
    less = (every[None] < values[:, None]) | (same & before)
    return tf.reduce_sum(tf.cast(less, "int32"), axis=1)


def _replica() -> tf.Tensor | int:
    context = tf.distribute.get_replica_context()
    return context.replica_id_in_sync_group if context else 0
