"""The input pipeline: order, epochs, hosts and sizes."""

import numpy as np
import pytest
import tensorflow as tf
from support.models import blob_source

from fsr_gdw_tf import InputPipeline, InvalidInput
from fsr_gdw_tf.data import ResizedCropFlip, Source
from fsr_gdw_tf.distribution.input_shards import InputShard


def indices(dataset) -> np.ndarray:
    return np.array([batch["index"].numpy() for batch in dataset])


def test_each_epoch_shows_each_example_once_in_a_new_order():
    pipeline = InputPipeline(10)
    order = indices(pipeline.train(blob_source(n=60), epochs=3))
    first, second, third = order.reshape(3, 60)
    for epoch in (first, second, third):
        np.testing.assert_array_equal(np.sort(epoch), np.arange(60))
    assert (first != second).any() and (second != third).any()


def test_the_short_last_batch_is_dropped_within_its_epoch():
    order = indices(InputPipeline(25).train(blob_source(n=60), epochs=2))
    assert order.shape == (4, 25)
    assert len(set(order[:2].ravel())) == 50


def test_an_epoch_is_the_same_when_started_from():
    pipeline, source = InputPipeline(10, seed=3), blob_source(n=60)
    whole = indices(pipeline.train(source, epochs=4))
    tail = indices(pipeline.train(source, epochs=4, initial_epoch=2))
    np.testing.assert_array_equal(whole[12:], tail)


def test_labels_and_inputs_belong_to_their_index():
    source = blob_source(n=12)
    batch = next(iter(InputPipeline(12).train(source, epochs=1)))
    index = batch["index"].numpy()
    np.testing.assert_array_equal(batch["inputs"], source.load(index))
    np.testing.assert_array_equal(
        batch["label"].numpy().argmax(1), source.labels[index]
    )
    assert batch["label"].dtype == tf.float32


def test_the_meta_stream_has_its_own_size_order_and_repeats():
    source, meta = blob_source(n=40), blob_source(n=7, seed=5)
    pipeline = InputPipeline(10, meta_batch_size=4)
    epoch = list(pipeline.train(source, epochs=1, meta=meta))
    shown = np.concatenate([b["meta_inputs"].numpy() for b in epoch])
    assert shown.shape == (16, 4)
    known = meta.load(range(7))
    which = [int(np.argmin(abs(known - s).sum(1))) for s in shown]
    assert sorted(which[:7]) == list(range(7)), "one whole pass, then again"
    assert sorted(which[7:14]) == list(range(7))
    assert which[:7] != which[7:14]
    assert epoch[0]["meta_label"].shape == (4, 3)


def test_tests_see_everything_once_in_order():
    order = [
        b["index"].numpy() for b in InputPipeline(25).test(blob_source(n=60))
    ]
    np.testing.assert_array_equal(np.concatenate(order), np.arange(60))


@pytest.mark.parametrize("size", [0, 61])
def test_a_batch_that_does_not_fit_the_data(size):
    with pytest.raises(InvalidInput, match=f"must be in 1 to 60 .* got {size}"):
        InputPipeline(size).train(blob_source(n=60), epochs=1)


HOSTS = [
    InputShard(4, 0, 2),
    InputShard(4, 2, 2),
]  # two hosts of two replicas each


def test_hosts_share_each_global_batch():
    """The parts of all replicas, in turn, are the batch of one."""
    source, pipeline = blob_source(n=60), InputPipeline(20, seed=3)
    whole = indices(pipeline.train(source, epochs=2)).reshape(-1, 4, 5)
    first, second = (
        indices(pipeline.train(source, epochs=2, share=share)).reshape(-1, 2, 5)
        for share in HOSTS
    )
    np.testing.assert_array_equal(np.concatenate([first, second], 1), whole)
    for epoch in whole.reshape(2, 60):
        np.testing.assert_array_equal(np.sort(epoch), np.arange(60))


def test_an_epoch_goes_on_at_any_step():
    source, meta, pipeline = (
        blob_source(n=60),
        blob_source(n=7),
        InputPipeline(20),
    )
    for share in (InputShard(), *HOSTS):
        every, rest = (
            list(pipeline.train(source, 3, 1, meta, step, share))
            for step in (0, 2)
        )
        skipped = 2 * share.count
        assert len(every) == 6 * share.count == len(rest) + skipped
        for a, b in zip(every[skipped:], rest, strict=True):
            for name in a:
                np.testing.assert_array_equal(a[name], b[name])


def test_tests_are_filled_up_and_hosts_see_everything_once():
    source = blob_source(n=13)
    shown = [
        indices(InputPipeline(8).test(source, share)).ravel() for share in HOSTS
    ]
    shown = np.concatenate(shown)
    assert (shown == -1).sum() == 3, "13 examples fill two batches of 8"
    np.testing.assert_array_equal(np.sort(shown[shown >= 0]), np.arange(13))


@pytest.mark.parametrize("share", [InputShard(), *HOSTS])
def test_shapes_are_known_before_anything_is_read(share):
    """TPUs compile for one shape. Images differ in size until they are seen."""

    class Sizes:
        batched = False

        def fetch(self, row):
            image = tf.zeros([9 + tf.cast(row % 5, tf.int32), 8, 3], tf.uint8)
            image.set_shape([None, None, 3])
            return image

    source = Source(Sizes(), np.arange(40) % 2, ["0", "1"])
    pipeline = InputPipeline(20, view=ResizedCropFlip(6))
    datasets = [pipeline.train(source, 2, meta=source, share=share)]
    if share != InputShard():  # alone, the last batch of a test may be short
        datasets.append(pipeline.test(source, share))
    for dataset in datasets:
        for name, spec in dataset.element_spec.items():
            assert spec.shape.is_fully_defined(), name
        next(iter(dataset))


def test_sizes_that_replicas_cannot_share():
    with pytest.raises(InvalidInput, match=r"BATCH_SIZE of 30 .* use 28 or 32"):
        InputPipeline(30).train(blob_source(n=60), 1, share=HOSTS[0])
    with pytest.raises(
        InvalidInput, match=r"META_BATCH_SIZE of 3 .* use 4, or"
    ):
        source, meta = blob_source(n=60), blob_source(n=7)
        InputPipeline(20, 3).train(source, 1, meta=meta, share=HOSTS[0])


def test_sizes_may_count_for_each_replica():
    pipeline = InputPipeline(
        16, meta_batch_size=8, per_replica=True
    ).with_global_sizes(8)
    assert (pipeline.batch_size, pipeline.meta_batch_size) == (128, 64)
    assert pipeline.with_global_sizes(8) == pipeline
    assert InputPipeline(16).with_global_sizes(8).batch_size == 16
