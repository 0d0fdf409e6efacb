"""Every method passes the same tests."""

import functools
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
import pytest
from support.method_cases import CASES, LOSSES, MAIN, RANDOM, build, fit
from support.models import blob_source, blobs, weights

from fsr_gdw_tf import InputPipeline
from fsr_gdw_tf.callbacks import Checkpoints
from fsr_gdw_tf.methods import METHODS
from fsr_gdw_tf.regularisers import REGULARISERS

EPOCHS = 4


def test_no_method_is_left_out_of_the_contract():
    built = [CASES[c]() for c in CASES]
    methods = {type(b["method"]) for b in built if "method" in b}
    extras = {type(r) for b in built for r in b.get("regularisers", [])}
    assert methods == set(METHODS) and extras == set(REGULARISERS)


class SaveHalfway(Checkpoints):
    """Saves a checkpoint after the second epoch, and keeps the weights."""

    def on_epoch_end(self, epoch, logs=None):
        if epoch == 1:
            super().on_epoch_end(epoch, logs)
            self.weights = weights(self.model)


class StopAfterTwo(keras.callbacks.Callback):
    """Stops after two of the epochs that were asked for."""

    def on_epoch_end(self, epoch, logs=None):
        self.model.stop_training = epoch == 1


class Run(NamedTuple):
    """What one run of a method has shown; traced once, used by all tests."""

    losses: list[float]
    loss_before: float  # cross-entropy of new examples
    loss_after: float
    accuracy: float
    halfway: Path  # a checkpoint after two epochs
    weights_halfway: list[np.ndarray]
    state: list[np.ndarray]  # after four epochs
    traces: list[int]  # of the step: after four epochs, after other data


@pytest.fixture(scope="module")
def run_of(tmp_path_factory):
    """Return a function of a case that trains it once."""
    return functools.cache(lambda case: train(case, tmp_path_factory))


def measure(model) -> tuple[float, float]:
    """Return cross-entropy and accuracy on new examples."""
    x, y = blobs(seed=1)
    logits = np.array(model(x))
    logs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    return -logs[np.arange(len(y)), y].mean(), (logs.argmax(1) == y).mean()


def train(case: str, tmp_path_factory) -> Run:
    folder = tmp_path_factory.mktemp(case)
    keras.utils.set_random_seed(0)
    model, traces = build(case, track_labels=case in MAIN), []
    step = model.train_step
    model.train_step = lambda batch: traces.append(1) or step(batch)
    loss_before, _ = measure(model)
    halfway = SaveHalfway(folder)
    keras.utils.set_random_seed(1)
    logs = fit(model, batch_size=20, epochs=EPOCHS, callbacks=[halfway])
    state, first = [np.array(v) for v in model.state], len(traces)
    others = blobs(seed=3)
    more = fit(model, others, batch_size=20, epochs=20, initial_epoch=EPOCHS)
    loss_after, accuracy = measure(model)
    return Run(
        losses=logs["loss"] + more["loss"],
        loss_before=loss_before,
        loss_after=loss_after,
        accuracy=accuracy,
        halfway=folder,
        weights_halfway=halfway.weights,
        state=state,
        traces=[first, len(traces)],
    )


@pytest.mark.parametrize("case", CASES)
def test_learns_separable_data(case, run_of):
    """By the cross-entropy of new examples: training adds other losses."""
    run = run_of(case)
    assert np.isfinite(run.losses).all() and len(run.losses) == 20
    assert run.loss_after < 0.8 * run.loss_before
    assert run.accuracy > 0.95


@pytest.mark.parametrize("case", CASES)
def test_traces_once(case, run_of):
    first, last = run_of(case).traces
    assert 1 <= first <= 2 and last == first


@pytest.mark.parametrize("case", MAIN)
def test_goes_on_from_a_checkpoint_as_if_never_stopped(case, run_of):
    run = run_of(case)
    keras.utils.set_random_seed(99)
    again = build(case, track_labels=True)
    again.setup(blob_source(), InputPipeline(20))
    assert Checkpoints(run.halfway).restore(again) == 2
    fit(again, batch_size=20, epochs=EPOCHS, initial_epoch=2)
    for a, b in zip(run.state, again.state, strict=True):
        np.testing.assert_array_equal(a, b.numpy())


@pytest.mark.parametrize("case", [case for case in MAIN if case not in LOSSES])
def test_compiles_with_xla(case, run_of):
    run = run_of(case)
    keras.utils.set_random_seed(0)
    fast = build(case, compiled={"jit_compile": True})
    keras.utils.set_random_seed(1)  # a peer is built when fit begins
    stop = StopAfterTwo()
    fit(fast, batch_size=20, epochs=EPOCHS, callbacks=[stop])
    assert all(np.isfinite(w).all() for w in weights(fast))
    if case in RANDOM:
        return  # XLA's random numbers are others: other pairs, other rewards
    for a, b in zip(run.weights_halfway, weights(fast), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize(
    ("case", "policy", "eager"),
    [
        # Each step runs eagerly: types are checked as in a graph.
        *((case, "mixed_bfloat16", True) for case in MAIN),
        *((case, "mixed_bfloat16", False) for case in ("gdw", "fsr")),
        # The gradient tests run everything else in double precision.
        *((c, "float64", False) for c in ("fsr", "gdw_dictionary", "relabel")),
    ],
)
def test_runs_in_other_precisions(case, policy, eager):
    keras.config.set_dtype_policy(policy)
    try:
        model = build(case, compiled={"run_eagerly": eager})
        assert np.isfinite(fit(model, epochs=2)["loss"]).all()
    finally:
        keras.config.set_dtype_policy("float32")
