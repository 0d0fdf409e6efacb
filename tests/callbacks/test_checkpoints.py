"""Checkpoints: a stopped run continues with the same numbers."""

import signal

import keras
import numpy as np
import pytest
from support.models import blob_source, blobs, classifier

from fsr_gdw_tf import (
    FSR,
    Classifier,
    InputPipeline,
    InvalidInput,
    MixUp,
    Relabel,
    Supervised,
)
from fsr_gdw_tf.callbacks import Checkpoints, Preempted, SaveMetrics
from fsr_gdw_tf.optimizers import SGD, EpochSchedule


@pytest.fixture(autouse=True)
def signals_are_heard():
    """As at a terminal; in the background a shell has Ctrl-C ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def whole_fsr() -> Classifier:
    """With a rate that halves after each epoch of five steps."""
    keras.utils.set_random_seed(0)
    extras = [MixUp(), Relabel(warmup=1)]
    model = classifier(FSR(warmup=0), regularisers=extras, track_labels=True)
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
    ("hook", "number", "step", "sent"),
    [
        ("on_train_batch_end", 8, 3, signal.SIGTERM),
        ("on_test_begin", 2, 5, signal.SIGINT),
    ],
)
def test_a_signal_in_the_middle_of_an_epoch_loses_nothing(
    hook, number, step, sent, tmp_path, capsys
):
    """In its eighth step, or in the test at its end; told in one line."""
    teller = at_call(hook, number, lambda: signal.raise_signal(sent))
    saved = Checkpoints(tmp_path)
    with pytest.raises(Preempted) as left, saved.save_on_signals():
        fit(whole_fsr(), callbacks=[teller, saved])
    assert left.value.code == {signal.SIGTERM: 143, signal.SIGINT: 130}[sent]
    assert capsys.readouterr().out == (
        f"{sent.name}: saved after step {step} of epoch 2; the same command "
        "goes on from there\n"
    )
    assert_goes_on(tmp_path, step)


def test_a_crash_loses_no_more_than_the_steps_since_the_last_save(tmp_path):
    """Saved after two and four of five steps; it ends in the last one."""

    def crash():
        raise RuntimeError("out of luck")

    dying = at_call("on_train_batch_begin", 10, crash)
    with pytest.raises(RuntimeError):
        fit(whole_fsr(), callbacks=[dying, Checkpoints(tmp_path, every=2)])
    assert_goes_on(tmp_path, step=4)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_do_afterwards_what_they_did_before(number, tmp_path):
    before = signal.getsignal(number)
    with pytest.raises(RuntimeError), Checkpoints(tmp_path).save_on_signals():
        assert signal.getsignal(number) != before
        raise RuntimeError
    assert signal.getsignal(number) == before


def test_a_second_ctrl_c_ends_at_once_and_a_sigterm_after_it_does_not():
    saved = Checkpoints("unused")
    with saved.save_on_signals():
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGTERM)
        assert saved.signal_received == signal.SIGINT
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_a_run_under_nohup_does_not_listen_to_ctrl_c():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with Checkpoints("unused").save_on_signals():
            assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


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


def saved_state(folder, progress: dict | None = None) -> Classifier:
    """Save a checkpoint without training; return what restores it."""
    model, saved = classifier(Supervised()), Checkpoints(folder)
    model.compile(SGD(0.1))
    model.setup(blob_source(n=60), InputPipeline(12))
    saved.set_model(model)
    saved.save({"epochs": 1} if progress is None else progress)
    return model


def test_rows_of_metrics_come_back_with_the_checkpoint(tmp_path):
    """metrics.csv is written anew, whatever has become of it."""
    file = tmp_path / "metrics.csv"
    log = SaveMetrics(file)
    fit(whole_fsr(), callbacks=[log, Checkpoints(tmp_path, metrics=log)])
    whole = file.read_text()
    file.write_text(whole[:100])
    again, log = whole_fsr(), SaveMetrics(file)
    again.setup(blob_source(n=60), InputPipeline(12))
    assert Checkpoints(tmp_path, metrics=log).restore(again) == 3
    assert file.read_text() == whole and [r["epoch"] for r in log.rows] == [
        1,
        2,
        3,
    ]


DAMAGE = {
    "index": lambda d: next(d.glob("*.index")).write_bytes(b"junk"),
    "no index": lambda d: next(d.glob("*.index")).unlink(),
    "data": lambda d: next(d.glob("*.data-*")).write_bytes(b"junk"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_checkpoint_is_told_in_one_line(damage, tmp_path):
    """And never taken for none, which would train anew over the old run."""
    model = saved_state(tmp_path)
    assert Checkpoints(tmp_path).restore(model) == 1
    DAMAGE[damage](tmp_path)
    with pytest.raises(InvalidInput, match="damaged") as error:
        Checkpoints(tmp_path).restore(model)
    assert "\n" not in str(error.value) and str(tmp_path) in str(error.value)


@pytest.mark.parametrize(
    "progress", [{"epochs": "1"}, {"epochs": 1, "step": -1}, {}]
)
def test_progress_that_training_did_not_write_is_refused(progress, tmp_path):
    model = saved_state(tmp_path, progress)
    with pytest.raises(InvalidInput, match="damaged"):
        Checkpoints(tmp_path).restore(model)


def test_checkpoints_listed_elsewhere_are_neither_read_nor_deleted(tmp_path):
    """TensorFlow deletes old checkpoints wherever the list says they are."""
    precious, folder = tmp_path / "precious", tmp_path / "run"
    model = saved_state(precious)
    saved_state(folder)
    before = sorted(precious.iterdir())
    listed = (folder / "checkpoint").read_text()
    other = next(precious.glob("*.index")).with_suffix("")
    old = f'all_model_checkpoint_paths: "{other}"\n'
    old += "all_model_checkpoint_timestamps: 1e12\n"
    for text in (listed + old, f'model_checkpoint_path: "{other}"\n'):
        (folder / "checkpoint").write_text(text)
        with pytest.raises(InvalidInput, match="names files elsewhere"):
            Checkpoints(folder, keep=1).restore(model)
    assert sorted(precious.iterdir()) == before


def test_a_checkpoint_does_not_set_where_a_callback_writes():
    """Patience counters are restored; paths and names stay as given."""
    stop = keras.callbacks.EarlyStopping(monitor="loss", patience=5)
    saved = Checkpoints("unused", [stop])
    saved.restored = {
        "callbacks": [{"wait": 3, "monitor": "/etc", "unknown": 1}]
    }
    saved.on_train_begin()
    assert (stop.wait, stop.monitor) == (3, "loss")
    assert not hasattr(stop, "unknown")
