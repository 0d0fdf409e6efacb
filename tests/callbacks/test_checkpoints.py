"""Checkpoints: a stopped run continues with the same numbers."""

import signal

import keras
import numpy as np
import pytest
from support.models import blob_source, blobs, classifier

from fsr_gdw_tf import FSR, Classifier, InputPipeline, MixUp, Relabel
from fsr_gdw_tf.callbacks import Checkpoints, Preempted, SaveMetrics
from fsr_gdw_tf.optimizers import SGD, EpochSchedule


def whole_fsr() -> Classifier:
    """With a rate that halves after each epoch of five steps."""
    keras.utils.set_random_seed(0)
    extras = [MixUp(), Relabel(warmup=1)]
    model = classifier(FSR(warmup=0), regularisers=extras)
    halved = keras.optimizers.schedules.ExponentialDecay(0.1, 1, 0.5)
    model.compile(SGD(EpochSchedule(halved, steps_per_epoch=5)))
    return model


def fit(model, first=0, **kwargs) -> dict:
    """Three epochs of five steps."""
    return model.fit(
        blob_source(n=60),
        pipeline=InputPipeline(12, seed=2),
        epochs=3,
        initial_epoch=first,
        validation_data=blobs(n=30, seed=1),
        verbose=0,
        **kwargs,
    ).history


def assert_goes_on(folder, step: int) -> None:
    """From a step of the second epoch, to the bits of an undisturbed run."""
    whole = whole_fsr()
    expected = fit(whole)
    again, loaded = whole_fsr(), Checkpoints(folder)
    again.setup(blob_source(n=60), InputPipeline(12, seed=2))
    assert (loaded.restore(again), loaded.step) == (1, step)
    log = SaveMetrics(folder / "metrics.csv")
    history = fit(again, 1, initial_step=step, callbacks=[loaded, log])
    for name in expected:
        assert history[name] == expected[name][1:], name
    rates = [row["learning_rate"] for row in log.rows]
    np.testing.assert_allclose(rates, [0.05, 0.025], rtol=1e-6)
    for a, b in zip(whole.state, again.state, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())


def at_call(hook: str, number: int, action) -> keras.callbacks.Callback:
    """Does something when a hook is called for so many times."""
    calls, callback = [], keras.callbacks.Callback()

    def count(*_, **__):
        calls.append(1)
        if len(calls) == number:
            action()

    setattr(callback, hook, count)
    return callback


@pytest.mark.parametrize(
    ("hook", "number", "step"),
    [("on_train_batch_end", 8, 3), ("on_test_begin", 2, 5)],
)
def test_sigterm_in_the_middle_of_an_epoch_loses_nothing(
    hook, number, step, tmp_path
):
    """In its eighth step, or in the test at its end."""
    teller = at_call(hook, number, lambda: signal.raise_signal(signal.SIGTERM))
    saved = Checkpoints(tmp_path)
    with pytest.raises(Preempted) as left, saved.save_on_sigterm():
        fit(whole_fsr(), callbacks=[teller, saved])
    assert left.value.code == 143
    assert_goes_on(tmp_path, step)


def test_a_crash_loses_no_more_than_the_steps_since_the_last_save(tmp_path):
    """Saved after two and four of five steps; it ends in the last one."""

    def crash():
        raise RuntimeError("out of luck")

    dying = at_call("on_train_batch_begin", 10, crash)
    with pytest.raises(RuntimeError):
        fit(whole_fsr(), callbacks=[dying, Checkpoints(tmp_path, every=2)])
    assert_goes_on(tmp_path, step=4)


def test_sigterm_does_afterwards_what_it_did_before(tmp_path):
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(RuntimeError), Checkpoints(tmp_path).save_on_sigterm():
        assert signal.getsignal(signal.SIGTERM) != before
        raise RuntimeError
    assert signal.getsignal(signal.SIGTERM) == before


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
    model.setup(blob_source(), InputPipeline())
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
    again = classifier()
    again.setup(blob_source(), InputPipeline())
    assert Checkpoints(tmp_path, [stop]).restore(again) == 50
