"""From a source to batches: flat dicts `inputs, label, index`.

The order of epoch e and the random numbers of example i depend on (seed, e, i)
and on nothing else, so a run that is started again at epoch e goes on exactly
as if it had never stopped.
"""

import dataclasses

import gin
import numpy as np
import tensorflow as tf

from fsr_gdw_tf.data.augmentation import Identity
from fsr_gdw_tf.data.source import Source
from fsr_gdw_tf.distribution.input_shards import InputShard
from fsr_gdw_tf.errors import InvalidInput

SINGLE_REPLICA = InputShard()
TRAIN, META, STORED = 0, 1, 2  # streams of random numbers


@gin.register
@dataclasses.dataclass(frozen=True)
class InputPipeline:
    """How examples become batches.

    size: of the global batch, over all replicas; with `per_replica`, of each
        replica's part, as papers give it. So is `meta_size`.
    """

    batch_size: int = 32
    meta_batch_size: int | None = None  # None: the same as size
    per_replica: bool = False
    view: Identity = dataclasses.field(default_factory=Identity)
    seed: int = 0
    shuffle: bool = True

    def __post_init__(self):
        if self.meta_batch_size is not None and self.meta_batch_size < 1:
            raise InvalidInput(
                "the meta batch size must be 1 or more, got "
                f"{self.meta_batch_size}"
            )

    def with_global_sizes(self, replicas: int) -> "InputPipeline":
        """The same with global sizes."""
        if not self.per_replica:
            return self
        meta = self.meta_batch_size and self.meta_batch_size * replicas
        batch_size = self.batch_size * replicas
        return dataclasses.replace(
            self, batch_size=batch_size, meta_batch_size=meta, per_replica=False
        )

    def steps(self, source: Source) -> int:
        """Training steps per epoch; the last, short batch is dropped."""
        if not 0 < self.batch_size <= len(source):
            raise InvalidInput(
                f"the batch size must be in 1 to {len(source)} (the number of "
                f"training examples), got {self.batch_size}"
            )
        return len(source) // self.batch_size

    def train(
        self,
        source: Source,
        epochs: int,
        initial_epoch: int = 0,
        meta: Source | None = None,
        initial_step: int = 0,
        share: InputShard = SINGLE_REPLICA,
    ) -> tf.data.Dataset:
        """Shuffled, augmented batches of these epochs, one after another.

        They begin at a step of the first epoch; `share` is what this host
        reads of them.
        """
        steps = self.steps(source)
        span = (initial_epoch, epochs, initial_step, steps)
        batch_size = share.replica_batch_size(self.batch_size, "BATCH_SIZE")
        batches = self._stream(source, span, batch_size, share, TRAIN)
        if meta is not None:
            whole = self.meta_batch_size or self.batch_size
            batch_size = share.replica_batch_size(whole, "META_BATCH_SIZE")
            extra = self._stream(meta, span, batch_size, share, META)
            batches = tf.data.Dataset.zip(batches, extra).map(_with_meta)
        return _options(batches).prefetch(tf.data.AUTOTUNE)

    def test(
        self, source: Source, share: InputShard = SINGLE_REPLICA
    ) -> tf.data.Dataset:
        """All examples in order; the last batch may be short.

        With several replicas it is filled up to its size, with index -1.
        """
        part, n = self.test_part(share.replicas), len(source)
        order = np.arange(n)
        full = share != SINGLE_REPLICA  # and of one shape, which TPUs need
        if full:
            order = np.pad(order, (0, -n % (part * share.replicas)))
            order[n:] = -1
            order = share.select(order, part)
        dataset = tf.data.Dataset.from_tensor_slices(order)
        if self._batched(source):
            dataset = dataset.batch(part, full).map(
                lambda i: (source.fetch(tf.maximum(i, 0)), i)
            )
        else:
            dataset = dataset.map(
                lambda i: (source.load_view(tf.maximum(i, 0), self.view), i),
                tf.data.AUTOTUNE,
            ).batch(part, full)
        return _options(dataset.map(_labelled(source))).prefetch(2)

    def test_part(self, replicas: int) -> int:
        """How many examples of a test batch each replica gets."""
        return -(-self.batch_size // replicas)

    def test_steps(self, source: Source, replicas: int = 1) -> int:
        """How many batches a test has."""
        return -(-len(source) // (self.test_part(replicas) * replicas))

    def load_inputs(
        self, source: Source, indices: np.ndarray, epoch: int, random=True
    ) -> np.ndarray:
        """These inputs as in training, fixed for an epoch; or as in tests."""
        if not random:
            return source.collect(
                indices, lambda i: source.load_view(i, self.view)
            )
        key = epoch_key(self.seed, STORED, epoch)
        return source.collect(indices, lambda i: self._seen(source, i, key))

    def _seen(self, source: Source, index, key) -> tf.Tensor:
        seed = tf.random.experimental.stateless_fold_in(key, index)
        return source.load_view(index, self.view, seed)

    def _batched(self, source: Source) -> bool:
        return source.reader.batched and self.view.batched

    def _stream(
        self, source, span, batch_size, share, stream
    ) -> tf.data.Dataset:
        """`steps` batches per epoch: each pass over the source is shuffled.

        `size` is one replica's, the order that of the global batches.
        """
        first, last, skipped, steps = span
        n, whole = len(source), batch_size * share.replicas
        count = steps * whole

        def one_epoch(epoch):
            key = epoch_key(self.seed, stream, epoch)
            noise = tf.random.stateless_uniform([-(-count // n), n], key)
            if not self.shuffle:
                noise = tf.zeros_like(noise)  # sorting keeps ties in order
            order = tf.reshape(tf.argsort(noise, axis=1), [-1])[:count]
            begin = tf.where(epoch == first, skipped * whole, 0)
            order = share.select(tf.cast(order[begin:], "int64"), batch_size)
            order = tf.data.Dataset.from_tensor_slices(order)
            return order.map(lambda index: (index, key))

        dataset = tf.data.Dataset.range(first, last).flat_map(one_epoch)
        if self._batched(source):
            dataset = dataset.batch(batch_size, drop_remainder=True).map(
                lambda index, key: (source.fetch(index), index)
            )
        else:
            dataset = dataset.map(
                lambda index, key: (self._seen(source, index, key), index),
                tf.data.AUTOTUNE,
            )
            dataset = dataset.batch(batch_size, drop_remainder=True)
        return dataset.map(_labelled(source))


def epoch_key(seed: int, stream: int, epoch: tf.Tensor) -> tf.Tensor:
    """The random key of one epoch of one stream."""
    key = tf.constant([seed, stream], tf.int32)
    return tf.random.experimental.stateless_fold_in(key, epoch)


def _labelled(source: Source):
    labels = tf.constant(source.labels)  # captured, not copied into graphs
    if source.weights is not None:
        weights = tf.constant(source.weights)

    def add(inputs, index):
        label = tf.gather(labels, tf.maximum(index, 0))
        label = tf.one_hot(label, source.classes)
        batch = {"inputs": inputs, "label": label, "index": index}
        if source.weights is not None:
            batch["weight"] = tf.gather(weights, tf.maximum(index, 0))
        return batch

    return add


def _with_meta(batch, meta):
    return {
        **batch,
        "meta_inputs": meta["inputs"],
        "meta_label": meta["label"],
    }


def _options(dataset: tf.data.Dataset) -> tf.data.Dataset:
    options = tf.data.Options()
    options.deterministic = True
    return dataset.with_options(options)
