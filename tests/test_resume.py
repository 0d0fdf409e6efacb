"""A run goes on exactly where it stopped."""

import csv

import keras
import pytest
from conftest import blobs, classifier
from kill_and_resume import STOPS, trial

from fsr_gdw_tf.callbacks import Checkpoints, MetricsCsv


@pytest.mark.slow
def test_a_kill_and_a_sigterm_do_not_change_a_bit(tmp_path):
    """The long version: python tests/kill_and_resume.py --stops=10."""
    assert trial(tmp_path, STOPS, epochs=12, seconds=0.3)


@pytest.mark.slow
def test_two_hosts_go_on_after_one_of_them_is_stopped(tmp_path):
    """The other one ends, too; both are started again."""
    assert trial(tmp_path, STOPS, epochs=4, seconds=0.3, hosts=2)


def test_counters_of_other_callbacks_come_back(tmp_path):
    patience = keras.callbacks.EarlyStopping("loss", patience=9, mode="max")
    model = classifier()
    model.fit(
        *blobs(),
        epochs=4,
        verbose=0,
        callbacks=[patience, Checkpoints(tmp_path, [patience])],
    )
    assert patience.wait == 3, "the loss fell three times after the first"
    again = keras.callbacks.EarlyStopping("loss", patience=9, mode="max")
    checkpoints, model = Checkpoints(tmp_path, [again]), classifier()
    assert checkpoints.restore(model) == 4
    model.fit(
        *blobs(),
        epochs=5,
        initial_epoch=4,
        verbose=0,
        callbacks=[again, checkpoints],
    )
    assert again.wait == 4 and again.best == pytest.approx(patience.best)


def test_a_run_that_was_stopped_early_stays_stopped(tmp_path):
    stop = keras.callbacks.EarlyStopping("loss", patience=1, mode="max")
    model = classifier()
    done = model.fit(
        *blobs(),
        epochs=50,
        verbose=0,
        callbacks=[stop, Checkpoints(tmp_path, [stop])],
    )
    assert len(done.epoch) == 2
    assert Checkpoints(tmp_path, [stop]).restore(classifier()) == 50


def test_rows_after_the_checkpoint_are_written_again(tmp_path):
    path = tmp_path / "metrics.csv"
    model = classifier()
    model.fit(*blobs(), epochs=3, verbose=0, callbacks=[MetricsCsv(path)])
    model.fit(
        *blobs(),
        epochs=4,
        initial_epoch=2,
        verbose=0,
        callbacks=[MetricsCsv(path, first_epoch=2)],
    )
    with path.open() as file:
        epochs = [row["epoch"] for row in csv.DictReader(file)]
    assert [float(e) for e in epochs] == [1, 2, 3, 4]
