"""What an ordinary fit prints: a few numbers, those that were asked for."""

import re

import keras
import pytest
from support.models import blobs, classifier

from fsr_gdw_tf import GDW, Classifier


def printed(capfd, **arguments) -> set[str]:
    """Return the names of the numbers that a training prints."""
    model = classifier(GDW())
    metrics = arguments.pop("metrics", None)
    model.compile("adam", metrics=metrics)
    history = model.fit(
        *blobs(), validation_data=blobs(), meta=blobs(n=12, seed=7), **arguments
    ).history
    assert {"val_balanced_accuracy", "weight_std"} <= set(history)
    return set(re.findall(r"(\w+): \d", capfd.readouterr().out))


FEW = {"accuracy", "loss", "plain_loss", "val_accuracy", "val_loss"}


@pytest.mark.parametrize("verbose", [1, 2])
def test_five_numbers_are_shown_and_all_are_in_the_history(verbose, capfd):
    assert printed(capfd, verbose=verbose) == FEW


def test_metrics_that_the_user_asks_for_are_shown(capfd):
    metrics = [keras.metrics.SparseTopKCategoricalAccuracy(2, name="top2")]
    shown = printed(capfd, verbose=2, metrics=metrics)
    assert shown == {*FEW, "top2", "val_top2"}


def test_a_bar_of_the_user_shows_all(capfd):
    bar = keras.callbacks.ProgbarLogger()
    shown = printed(capfd, verbose=2, callbacks=bar)
    assert {*FEW, "weight_std", "val_balanced_accuracy"} <= shown


def test_verbose_zero_prints_nothing(capfd):
    assert printed(capfd, verbose=0) == set()


def test_the_default_shows_the_estimated_share_of_wrong_labels(capfd):
    network = keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(3, "softmax")]
    )
    model = Classifier.wrap(network)
    model.compile("adam")
    x, y = blobs()
    model.fit(x[:, :4], y, verbose=2, batch_size=20)
    assert "Estimated share of wrong labels: " in capfd.readouterr().out
