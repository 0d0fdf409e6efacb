"""What an ordinary fit prints: a few numbers, those that were asked for."""

import re

import keras
import pytest
from rich.progress import Progress
from support.models import blobs, classifier

from fsr_gdw_tf import GDW, Classifier
from fsr_gdw_tf.callbacks import progress_bar


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


# A line of 100 columns has no room for the fifth.
LINE = {"accuracy", "loss", "plain_loss", "val_accuracy"}
FEW = {*LINE, "val_loss"}


@pytest.mark.parametrize(("verbose", "shown"), [(1, FEW), (2, LINE)])
def test_few_numbers_are_shown_and_all_are_in_the_history(
    verbose, shown, capfd
):
    assert printed(capfd, verbose=verbose) == shown


def test_metrics_that_the_user_asks_for_are_shown(capfd):
    metrics = [keras.metrics.SparseTopKCategoricalAccuracy(2, name="top2")]
    shown = printed(capfd, verbose=2, metrics=metrics)
    assert shown == {*LINE, "top2", "val_top2"}


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


def test_without_a_terminal_an_epoch_is_one_line_with_the_time_left(capfd):
    """Keras' bar would write its control characters into log files."""
    model = classifier()
    x, y = blobs()
    model.fit(x, y, epochs=3, validation_data=(x, y))
    lines = capfd.readouterr().out.splitlines()
    assert [line.split()[1] for line in lines] == ["1/3", "2/3", "3/3"]
    assert all(re.fullmatch(r"epoch .*: \d.* \d+:\d\d left", x) for x in lines)
    assert lines[-1].endswith(" 0:00 left")


def test_a_line_has_at_most_a_hundred_columns(capfd, monkeypatch):
    """In a run of days whose loss is large, with the default method."""
    names = [*progress_bar.SHOWN, "weight_std", "learning_rate"]
    logs = dict.fromkeys(names, 0.4066) | {"loss": 123456.0}
    seconds = iter([0.0, 2000.0])
    monkeypatch.setattr("time.perf_counter", lambda: next(seconds))
    bar = progress_bar.ProgressBar()
    bar.set_params({"verbose": 2, "epochs": 120, "steps": 10})
    bar.on_epoch_begin(99)
    bar.on_epoch_end(99, logs)
    line = capfd.readouterr().out
    assert line == (
        "epoch 100/120 loss: 1.23e+05 accuracy: 0.407 val_accuracy: 0.407 "
        "plain_loss: 0.407 11h06m left\n"
    )
    assert len(line) - 1 <= 100


def test_times_are_written_as_people_write_them():
    for seconds, text in (
        (0.4, "0:00"),
        (59.6, "1:00"),
        (754, "12:34"),
        (3600, "1h00m"),
        (90061, "25h01m"),
    ):
        assert progress_bar.clock(seconds) == text


def test_one_line_shows_a_whole_training(capfd):
    """Its bar ends at the last step of the last epoch."""
    with progress_bar.show_progress("[b]plain", one_line=True) as (line,):
        x, y = blobs()
        classifier().fit(
            x,
            y,
            epochs=3,
            batch_size=20,
            initial_epoch=1,
            validation_data=(x, y),
            callbacks=[line],
            verbose=0,
        )
    out = capfd.readouterr().out
    assert re.fullmatch(
        r"\[b\]plain \S+ 3/3 loss: \S+ accuracy: \S+ val_accuracy: \S+ "
        r"0?0:\d\d *\n",
        out,
    )
    assert isinstance(line.progress, Progress) and line.progress.finished
    assert line.progress.tasks[0].total == 9


def test_on_no_terminal_no_line_is_wanted_unless_asked_for():
    with progress_bar.show_progress("run", one_line=False) as callbacks:
        assert callbacks == []
