"""From a source to batches: flat dicts `inputs, label, index`.

The order of epoch e and the random numbers of example i depend on (seed, e, i)
and on nothing else, so a run that is started again at epoch e goes on exactly
as if it had never stopped.
"""

import dataclasses

import gin
import numpy as np
import tensorflow as tf

from fsr_gdw_tf.data.augmentation import AsIs
from fsr_gdw_tf.data.source import Source
from fsr_gdw_tf.errors import BadInput

TRAIN, META, STORED = 0, 1, 2  # streams of random numbers


@gin.register
@dataclasses.dataclass(frozen=True)
class Batches:
    """How examples become batches."""

    size: int = 32
    meta_size: int | None = None  # None: the same as size
    view: AsIs = dataclasses.field(default_factory=AsIs)
    seed: int = 0
    shuffle: bool = True

    def __post_init__(self):
        if self.meta_size is not None and self.meta_size < 1:
            raise BadInput(
                f"the meta batch size must be 1 or more, got {self.meta_size}"
            )

    def steps(self, source: Source) -> int:
        """Training steps per epoch; the last, short batch is dropped."""
        if not 0 < self.size <= len(source):
            raise BadInput(
                f"the batch size must be in 1 to {len(source)} (the number of "
                f"training examples), got {self.size}"
            )
        return len(source) // self.size

    def train(
        self,
        source: Source,
        epochs: int,
        initial_epoch: int = 0,
        meta: Source | None = None,
    ) -> tf.data.Dataset:
        """Shuffled, augmented batches of these epochs, one after another."""
        steps, span = self.steps(source), (initial_epoch, epochs)
        batches = self._stream(source, span, steps, self.size, TRAIN)
        if meta is not None:
            size = self.meta_size or self.size
            extra = self._stream(meta, span, steps, size, META)
            batches = tf.data.Dataset.zip(batches, extra).map(_with_meta)
        return _options(batches).prefetch(tf.data.AUTOTUNE)

    def test(self, source: Source) -> tf.data.Dataset:
        """All examples in order; the last batch may be short."""
        dataset = tf.data.Dataset.range(len(source))
        if self._batched(source):
            dataset = dataset.batch(self.size).map(
                lambda i: (source.fetch(i), i)
            )
        else:
            dataset = dataset.map(
                lambda i: (self.view.test(source.fetch(i)), i),
                tf.data.AUTOTUNE,
            ).batch(self.size)
        return _options(dataset.map(_labelled(source))).prefetch(2)

    def stored(
        self, source: Source, indices: np.ndarray, epoch: int, random=True
    ) -> np.ndarray:
        """These inputs as in training, fixed for an epoch; or as in tests."""
        if not random:
            return source.load(indices, self.view.test)
        key = epoch_key(self.seed, STORED, epoch)
        return source.collect(indices, lambda i: self._seen(source, i, key))

    def _seen(self, source: Source, index, key) -> tf.Tensor:
        seed = tf.random.experimental.stateless_fold_in(key, index)
        return self.view.train(source.fetch(index), seed)

    def _batched(self, source: Source) -> bool:
        return source.reader.batched and self.view.batched

    def _stream(self, source, span, steps, size, stream) -> tf.data.Dataset:
        """`steps` batches per epoch: each pass over the source is shuffled."""
        n, count = len(source), steps * size

        def one_epoch(epoch):
            key = epoch_key(self.seed, stream, epoch)
            noise = tf.random.stateless_uniform([-(-count // n), n], key)
            if not self.shuffle:
                noise = tf.zeros_like(noise)  # sorting keeps ties in order
            order = tf.reshape(tf.argsort(noise, axis=1), [-1])[:count]
            order = tf.data.Dataset.from_tensor_slices(tf.cast(order, "int64"))
            return order.map(lambda index: (index, key))

        dataset = tf.data.Dataset.range(*span).flat_map(one_epoch)
        if self._batched(source):
            dataset = dataset.batch(size, drop_remainder=True).map(
                lambda index, key: (source.fetch(index), index)
            )
        else:
            dataset = dataset.map(
                lambda index, key: (self._seen(source, index, key), index),
                tf.data.AUTOTUNE,
            )
            dataset = dataset.batch(size, drop_remainder=True)
        return dataset.map(_labelled(source))


def epoch_key(seed: int, stream: int, epoch: tf.Tensor) -> tf.Tensor:
    """The random key of one epoch of one stream."""
    key = tf.constant([seed, stream], tf.int32)
    return tf.random.experimental.stateless_fold_in(key, epoch)


def _labelled(source: Source):
    labels = tf.constant(source.labels)  # captured, not copied into graphs

    def add(inputs, index):
        label = tf.one_hot(tf.gather(labels, index), source.classes)
        return {"inputs": inputs, "label": label, "index": index}

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
    options.experimental_distribute.auto_shard_policy = (
        tf.data.experimental.AutoShardPolicy.DATA
    )
    return dataset.with_options(options)
