"""The input pipeline: batches as flat dicts `inputs, label, index`.

The order of epoch e depends on (seed, e) only, the augmentation of example i on
(seed, e, i) only: a run that resumes at epoch e is identical to one that was
not interrupted.
"""

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import gin
import numpy as np
import tensorflow as tf

from fsr_gdw_tf.data.augmentation import Identity
from fsr_gdw_tf.data.epoch_order import (
    LOAD,
    META,
    TRAIN,
    epoch_key,
    epoch_order,
)
from fsr_gdw_tf.data.loading import Loader, array_loader
from fsr_gdw_tf.data.source import Source
from fsr_gdw_tf.distribution.input_shards import InputShard
from fsr_gdw_tf.errors import (
    MAX_WHOLE,
    InvalidInput,
    require_annotated,
    require_whole,
)

SINGLE_REPLICA = InputShard()


class _Span(NamedTuple):
    """Epochs first to end - 1 of some steps each, without the first `skip`."""

    first: int
    end: int
    skip: int
    steps: int


@gin.register
@dataclasses.dataclass(frozen=True)
class InputPipeline:
    """Batching, shuffling and augmentation of the examples of a source.

    batch_size: global batch size, the sum over all replicas.
    meta_batch_size: the same of the meta set; None: batch_size.
    per_replica: both sizes count per replica, as papers state them.
    steps_per_epoch: batches of an epoch; None: as many as the data are enough
        for. Each epoch starts a new order, whatever its length.
    view: augmentation in training, and preprocessing in tests; None: that of
        the source.
    """

    batch_size: int = 32
    meta_batch_size: int | None = None
    per_replica: bool = False
    view: Identity | None = None
    seed: int = 0
    shuffle: bool = True
    steps_per_epoch: int | None = None

    def __post_init__(self):
        require_annotated(InputPipeline, vars(self))
        # Its range depends on the data, see `steps`.
        require_whole(-MAX_WHOLE, batch_size=self.batch_size)
        require_whole(0, seed=self.seed)
        for name in ("meta_batch_size", "steps_per_epoch"):
            if getattr(self, name) is not None:
                require_whole(1, **{name: getattr(self, name)})

    def with_global_sizes(self, replicas: int) -> "InputPipeline":
        """Return a copy whose batch sizes are global, not per replica."""
        if not self.per_replica:
            return self
        meta = self.meta_batch_size and self.meta_batch_size * replicas
        batch_size = self.batch_size * replicas
        return dataclasses.replace(
            self, batch_size=batch_size, meta_batch_size=meta, per_replica=False
        )

    def steps(self, source: Source) -> int:
        """Return the steps per epoch; an incomplete last batch is dropped."""
        if not 0 < self.batch_size <= len(source):
            raise InvalidInput(
                f"the batch size must be in 1 to {len(source)} (the number of "
                f"training examples), got {self.batch_size}"
            )
        steps = self.steps_per_epoch
        return len(source) // self.batch_size if steps is None else steps

    def train(
        self,
        source: Source,
        epochs: int,
        initial_epoch: int = 0,
        meta: Source | None = None,
        initial_step: int = 0,
        share: InputShard = SINGLE_REPLICA,
    ) -> tf.data.Dataset:
        """Return shuffled, augmented batches of consecutive epochs.

        initial_step: step of the initial epoch to start at, when resuming.
        share: the part of each global batch that this host reads.
        """
        steps = self.steps(source)
        span = _Span(initial_epoch, epochs, initial_step, steps)
        batch_size = share.replica_batch_size(self.batch_size, "BATCH_SIZE")
        batches = self._batches(source, span, batch_size, share, TRAIN)
        if meta is not None:
            batches = self._with_meta(batches, meta, span, share)
        return _deterministic(batches).prefetch(tf.data.AUTOTUNE)

    def with_meta(
        self,
        batches: tf.data.Dataset,
        meta: Source,
        epochs: int,
        initial_epoch: int,
        steps: int,
    ) -> tf.data.Dataset:
        """Return a user's batches, each with one of the meta set.

        steps: batches of an epoch. Batches of all epochs are returned.
        """
        span = _Span(initial_epoch, epochs, 0, steps)
        return self._with_meta(batches.repeat(), meta, span, SINGLE_REPLICA)

    def _with_meta(
        self,
        batches: tf.data.Dataset,
        meta: Source,
        span: _Span,
        share: InputShard,
    ) -> tf.data.Dataset:
        meta_size = self.meta_batch_size or self.batch_size
        batch_size = share.replica_batch_size(meta_size, "META_BATCH_SIZE")
        meta_batches = self._batches(meta, span, batch_size, share, META)
        return tf.data.Dataset.zip(batches, meta_batches).map(_add_meta)

    def test(
        self, source: Source, share: InputShard = SINGLE_REPLICA
    ) -> tf.data.Dataset:
        """Return batches of all examples in order; the last may be short.

        With several replicas it is padded to full size by examples of index -1.
        """
        size, n = self.test_batch_size(share.replicas), len(source)
        order = np.arange(n)
        # Padding also keeps the batch shape static, which TPUs need.
        pad = share != SINGLE_REPLICA
        if pad:
            order = np.pad(order, (0, -n % (size * share.replicas)))
            order[n:] = -1
            order = share.select(order, size)
        dataset = tf.data.Dataset.from_tensor_slices(order)
        add_labels, view = _add_labels(source), self._view(source)
        if self._fetches_batches(source):
            dataset = dataset.batch(size, pad).map(
                lambda i: add_labels(source.fetch(tf.maximum(i, 0)), i)
            )
        else:
            dataset = dataset.map(
                lambda i: (source.load_view(tf.maximum(i, 0), view), i),
                tf.data.AUTOTUNE,
            )
            dataset = dataset.batch(size, pad).map(add_labels)
        return _deterministic(dataset).prefetch(2)

    def test_batch_size(self, replicas: int) -> int:
        """Return the number of examples per replica in a test batch."""
        return -(-self.batch_size // replicas)

    def test_steps(self, source: Source, replicas: int = 1) -> int:
        """Return the number of batches of a test set."""
        return -(-len(source) // (self.test_batch_size(replicas) * replicas))

    def loader(self, source: Source, random: bool = True) -> Loader:
        """Return a function of indices and an epoch: their augmented inputs.

        They are fixed within an epoch. Use it again: it is traced once.

        random: False gives the deterministic view of tests instead.
        """
        if self._fetches_batches(source):
            return lambda indices, epoch: source.load(indices)

        def read(index: tf.Tensor, key: tf.Tensor) -> Any:
            if random:
                return self._augment(source, index, key)
            return source.load_view(index, self._view(source))

        load = array_loader(read, tf.TensorSpec([2], tf.int32))
        return lambda indices, epoch: load(
            indices, epoch_key(self.seed, LOAD, int(epoch))
        )

    def _augment(
        self, source: Source, index: tf.Tensor, key: tf.Tensor
    ) -> tf.Tensor:
        """Return the training view of an input, random per (key, index)."""
        seed = tf.random.experimental.stateless_fold_in(key, index)
        return source.load_view(index, self._view(source), seed)

    def _view(self, source: Source) -> Identity:
        return self.view or source.view or Identity()

    def _fetches_batches(self, source: Source) -> bool:
        """Return whether inputs are read a batch at a time: much faster."""
        return source.reader.batched and self._view(source).batched

    def _batches(
        self,
        source: Source,
        span: _Span,
        batch_size: int,
        share: InputShard,
        stream: int,
    ) -> tf.data.Dataset:
        """Return this host's batches of a span of training.

        batch_size: of one replica.
        stream: number of the stream of random numbers.
        """
        global_size = batch_size * share.replicas

        def epoch_indices(epoch: tf.Tensor) -> tf.data.Dataset:
            key = epoch_key(self.seed, stream, epoch)
            order = epoch_order(
                len(source), span.steps * global_size, key, self.shuffle
            )
            start = tf.where(epoch == span.first, span.skip * global_size, 0)
            order = share.select(tf.cast(order[start:], "int64"), batch_size)
            keys = tf.broadcast_to(key, [tf.size(order), 2])
            return tf.data.Dataset.from_tensor_slices((order, keys))

        epochs = tf.data.Dataset.range(span.first, span.end)
        examples = epochs.flat_map(epoch_indices)
        return self._read(source, examples, batch_size)

    def _read(
        self, source: Source, examples: tf.data.Dataset, batch_size: int
    ) -> tf.data.Dataset:
        """Return labelled batches of a dataset of (index, key)."""
        add_labels = _add_labels(source)
        if self._fetches_batches(source):
            return examples.batch(batch_size, drop_remainder=True).map(
                lambda index, key: add_labels(source.fetch(index), index)
            )
        return (
            examples.map(
                lambda index, key: (self._augment(source, index, key), index),
                tf.data.AUTOTUNE,
            )
            .batch(batch_size, drop_remainder=True)
            .map(add_labels)
        )


def _add_labels(
    source: Source,
) -> Callable[[tf.Tensor, tf.Tensor], dict[str, tf.Tensor]]:
    """Return a function that adds labels (and weights) to inputs."""
    labels = tf.constant(source.labels)  # captured, not copied into graphs
    if source.weights is not None:
        weights = tf.constant(source.weights)

    def add(inputs: tf.Tensor, index: tf.Tensor) -> dict[str, tf.Tensor]:
        label = tf.gather(labels, tf.maximum(index, 0))
        label = tf.one_hot(label, source.classes)
        batch = {"inputs": inputs, "label": label, "index": index}
        if source.weights is not None:
            batch["weight"] = tf.gather(weights, tf.maximum(index, 0))
        return batch

    return add


def _add_meta(batch: dict, meta: dict) -> dict[str, tf.Tensor]:
    return {
        **batch,
        "meta_inputs": meta["inputs"],
        "meta_label": meta["label"],
    }


def _deterministic(dataset: tf.data.Dataset) -> tf.data.Dataset:
    options = tf.data.Options()
    options.deterministic = True
    return dataset.with_options(options)
