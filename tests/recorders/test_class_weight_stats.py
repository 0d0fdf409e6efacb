"""Statistics of class weights."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from support.figures import fit_mislabelled, third_mislabelled
from support.forked import run_forked
from support.models import classifier
from support.paths import TESTS

from fsr_gdw_tf import GDW, InputPipeline, arrays
from fsr_gdw_tf.callbacks import Checkpoints
from fsr_gdw_tf.recorders.class_weight_stats import (
    ClassWeightStats,
    smallest_two,
    tracked_examples,
)

GIVEN, TRUE = [0, 1, 3, 2], [0, 2, 3, 1]  # two right labels, two wrong ones
HALF = np.full((4, 4), 0.5, "float32")
UP = np.array(
    [
        [0.4, 0.6, 0.6, 0.4],  # clean: 2 of 3 non-targets grow
        [0.6, 0.9, 0.4, 0.6],  # true target 2 shrinks; 0 and 3 grow
        [0.6, 0.4, 0.5, 0.9],  # clean: 1 of 3 grows, one stays as it is
        [0.4, 0.6, 0.9, 0.6],  # true target 1 grows; 3 grows, 0 shrinks
    ],
    "float32",
)


def source_of(given, true=None, classes=4):
    """Examples of which only the labels matter."""
    names = [f"class {c}" for c in range(classes)]
    source = arrays(np.zeros((len(given), 1)), np.array(given), names)
    if true is None:
        return source
    return source.with_labels(np.array(given), np.array(true))


def batch_of(given, label=None, classes=4):
    """All examples at once; with `label` these are mixed."""
    own = tf.one_hot(given, classes)
    batch = {"label": own, "index": tf.range(len(given), dtype=tf.int64)}
    if label is None:
        return batch
    return batch | {"label": tf.constant(label), "unmixed_label": own}


def stats_of(source) -> ClassWeightStats:
    stats = ClassWeightStats()
    stats.setup(None, source, None)
    return stats


def test_shares_of_increased_weights_are_those_counted_by_hand():
    stats = stats_of(source_of(GIVEN, TRUE))
    stats.count(batch_of(GIVEN), HALF, UP, True)
    assert stats.epoch_logs(None, None) == {
        "increased_clean": 3 / 6,
        "increased_true": 1 / 2,
        "increased_other": 3 / 4,
    }


def test_one_weight_for_all_classes_is_counted_for_each():
    """MWNet's: the first and the second example's grow."""
    stats = stats_of(source_of(GIVEN, TRUE))
    after = np.array([[0.6], [0.6], [0.4], [0.4]], "float32")
    stats.count(batch_of(GIVEN), HALF[:, :1], after, True)
    assert stats.epoch_logs(None, None) == {
        "increased_clean": 3 / 6,
        "increased_true": 1 / 2,
        "increased_other": 2 / 4,
    }


def test_no_class_of_a_mixed_label_counts():
    """The first is mixed with class 1, the second with its true class."""
    mixed = tf.one_hot(GIVEN, 4).numpy()
    mixed[0], mixed[1] = [0.8, 0.2, 0, 0], [0, 0.7, 0.3, 0]
    stats = stats_of(source_of(GIVEN, TRUE))
    stats.count(batch_of(GIVEN, mixed), HALF, UP, True)
    assert stats.epoch_logs(None, None) == {
        "increased_clean": 2 / 5,
        "increased_true": 1 / 1,
        "increased_other": 3 / 4,
    }


def test_the_second_smallest_class_is_counted_on_the_smallest():
    """Class 2 is the smallest, class 1 the next."""
    given = [0, 0, 0, 0, 1, 1, 1, 2, 2]
    stats = stats_of(source_of(given, classes=3))
    after = np.full((9, 3), 0.4, "float32")
    after[:7, 1] = 0.6  # on examples of other classes: of no interest
    after[7, 1] = 0.6
    stats.count(batch_of(given, classes=3), tf.fill([9, 3], 0.5), after, True)
    assert stats.epoch_logs(None, None) == {"increased_tail": 1 / 2}


@pytest.mark.parametrize(
    ("counts", "found"),
    [
        ([6, 4, 2], (2, 1)),
        ([2, 9, 3], (0, 2)),
        ([2, 9, 0, 3], (0, 3)),  # an empty class is no smallest one
        ([10, 9, 6], None),  # noise alone does that
        ([7, 7, 7], None),
        ([0, 7], None),
    ],
)
def test_only_uneven_classes_have_a_tail(counts, found):
    assert smallest_two(np.array(counts)) == found


def test_nothing_is_counted_in_the_warmup():
    stats, source = stats_of(source_of(GIVEN, TRUE)), source_of(GIVEN, TRUE)
    stats.count(batch_of(GIVEN), HALF, UP, tf.constant(False))
    assert stats.epoch_logs(None, None) == {} and stats.rows(source) == []


def test_without_the_truth_no_share_is_made_up():
    stats = stats_of(source_of(GIVEN))
    stats.count(batch_of(GIVEN), HALF, UP, True)
    assert stats.epoch_logs(None, None) == {}


def test_tracked_examples_are_mislabelled_where_that_is_known():
    assert tracked_examples(source_of(GIVEN, TRUE)).tolist() == [1, 3]
    assert tracked_examples(source_of(GIVEN, GIVEN)).tolist() == [0, 1, 3, 2]
    assert tracked_examples(source_of(GIVEN)).tolist() == [0, 1, 3, 2]
    many = np.tile(np.arange(20), 2)
    assert tracked_examples(source_of(many, classes=20)).tolist() == [*range(8)]


def test_witnesses_keep_the_weights_of_their_last_visit():
    """Example 3 is in the first batch alone, example 1 in both."""
    source = source_of(GIVEN, TRUE)
    stats, batch = stats_of(source), batch_of(GIVEN)
    stats.count(batch, HALF, UP, True)
    first_two = {name: value[:2] for name, value in batch.items()}
    stats.count(first_two, HALF[:2] / 2, UP[:2] / 2, True)
    rows = stats.rows(source)
    assert rows[5] == {
        "index": 3,
        "name": "3",
        "given": "class 2",
        "true": "class 1",
        "class": "class 1",
        "before": "0.5",
        "after": "0.6",
    }
    assert [r["index"] for r in rows] == [1] * 4 + [3] * 4
    assert [r["before"] for r in rows[:4]] == ["0.25"] * 4
    assert [r["after"] for r in rows[:4]] == ["0.3", "0.45", "0.2", "0.3"]


def test_a_run_that_goes_on_in_mid_epoch_knows_its_first_half(tmp_path):
    """It dies in the ninth step, the fourth of its second epoch."""
    whole = fit_mislabelled(classifier(GDW(warmup=1)), epochs=2)
    dying = keras.callbacks.Callback()

    def die(batch, logs=None):
        if dying.model.optimizer.iterations == 8:
            raise RuntimeError("out of luck")

    dying.on_train_batch_begin = die
    keras.utils.set_random_seed(0)
    with pytest.raises(RuntimeError):
        saved = [dying, Checkpoints(tmp_path, every=2)]
        fit_mislabelled(classifier(GDW(warmup=1)), epochs=2, callbacks=saved)
    model, again = classifier(GDW(warmup=1)), Checkpoints(tmp_path)
    model.setup(third_mislabelled(), InputPipeline(12, meta_batch_size=6))
    assert again.restore(model) == 1 and again.step == 2
    end = fit_mislabelled(model, epochs=2, initial_epoch=1, initial_step=2)
    shares = [name for name in whole if name.startswith("increased")]
    assert len(shares) == 3
    for name in shares:
        assert len(whole[name]) == 1, "the first epoch is the warm-up"
        assert end[name] == whole[name]


REPLICAS = """
import json, keras
from support.figures import fit_mislabelled as fit
from support.models import classifier, recorder
from fsr_gdw_tf import FSR, GDW, Dictionary
from fsr_gdw_tf.distribution.devices import make_strategy
from fsr_gdw_tf.recorders.class_weight_stats import ClassWeightStats
found, two = [], make_strategy("mirrored", 2, kind="CPU")
for strategy in (two, make_strategy("one")):
    keras.utils.set_random_seed(0)
    fsr = FSR(Dictionary(6, 6, same_draw=True), warmup=0)
    with strategy.scope():
        models = [classifier(GDW(), track_labels=True), classifier(fsr)]
    logs = fit(models[0], epochs=2) | fit(models[1], epochs=2)
    source = models[0].training_dynamics.source
    stats = recorder(models[0], ClassWeightStats)
    rows = stats.csv_tables(models[0], source)
    found.append([strategy.num_replicas_in_sync, logs, rows])
print(json.dumps(found))
"""


@pytest.mark.slow
def test_two_replicas_count_what_one_counts():
    ended = run_forked(["-c", REPLICAS], cwd=TESTS)
    assert ended.returncode == 0, ended.stderr
    two, one = json.loads(ended.stdout.splitlines()[-1])
    assert (two[0], one[0]) == (2, 1)
    names = [n for n in one[1] if n.startswith(("increased", "loss_"))]
    assert len(names) == 5
    for name in names:
        assert two[1][name] == pytest.approx(one[1][name], rel=1e-5), name
    (of_two,), (of_one,) = two[2].values(), one[2].values()
    assert len(of_one) == 3 * 3, "three examples, three classes"
    for a, b in zip(of_two, of_one, strict=True):
        assert float(a["after"]) == pytest.approx(float(b["after"]), rel=1e-4)
