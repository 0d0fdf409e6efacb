"""Every method passes the same tests."""

import keras
import numpy as np
import pytest
from support.method_cases import CASES, RANDOM, build, cases, fit
from support.models import blob_source, blobs, weights

from fsr_gdw_tf import InputPipeline
from fsr_gdw_tf.callbacks import Checkpoints
from fsr_gdw_tf.methods import METHODS
from fsr_gdw_tf.regularisers import REGULARISERS


def test_no_method_is_left_out_of_the_contract():
    built = [CASES[c]() for c in CASES]
    methods = {type(b["method"]) for b in built if "method" in b}
    extras = {type(r) for b in built for r in b.get("regularisers", [])}
    assert methods == set(METHODS) and extras == set(REGULARISERS)


class StopAfterTwo(keras.callbacks.Callback):
    """Two of the epochs that were asked for."""

    def on_epoch_end(self, epoch, logs=None):
        self.model.stop_training = epoch == 1


@cases
def test_learns_separable_data(case):
    """By the cross-entropy of new examples: training adds other losses."""
    model = build(case)
    before = model.evaluate(*blobs(seed=1), verbose=0, return_dict=True)
    assert np.isfinite(fit(model, epochs=20)["loss"]).all()
    after = model.evaluate(*blobs(seed=1), verbose=0, return_dict=True)
    assert after["loss"] < 0.8 * before["loss"]
    assert after["accuracy"] > 0.95


@cases
def test_traces_once(case):
    model = build(case)
    traces = []
    step = model.train_step
    model.train_step = lambda batch: traces.append(1) or step(batch)
    fit(model, epochs=2)
    first = len(traces)
    fit(model, blobs(seed=3), epochs=2)
    assert first <= 2 and len(traces) == first


@cases
def test_goes_on_from_a_checkpoint_as_if_never_stopped(case, tmp_path):
    whole = build(case)
    fit(whole, epochs=4)
    keras.utils.set_random_seed(0)
    half = build(case)
    save = Checkpoints(tmp_path)
    fit(half, epochs=4, callbacks=[save, StopAfterTwo()])
    keras.utils.set_random_seed(99)
    again = build(case)
    again.setup(blob_source(), InputPipeline())
    assert Checkpoints(tmp_path).restore(again) == 2
    fit(again, epochs=4, initial_epoch=2)
    for a, b in zip(whole.state, again.state, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())


@pytest.mark.parametrize(
    ("case", "policy"),
    [
        *((case, "mixed_bfloat16") for case in CASES),
        # The gradient tests run everything else in double precision.
        *((case, "float64") for case in ("fsr", "gdw_dictionary", "relabel")),
    ],
)
def test_runs_in_other_precisions(case, policy):
    keras.config.set_dtype_policy(policy)
    try:
        model = build(case)
        assert np.isfinite(fit(model, epochs=2)["loss"]).all()
    finally:
        keras.config.set_dtype_policy("float32")


@cases
def test_compiles_with_xla(case):
    plain = build(case)
    keras.utils.set_random_seed(0)
    fast = build(case, compiled={"jit_compile": True})
    for model in (plain, fast):
        keras.utils.set_random_seed(1)  # a twin is built when fit begins
        fit(model, batch_size=20, epochs=2)
    assert all(np.isfinite(w).all() for w in weights(fast))
    if case in RANDOM:
        return  # XLA's random numbers are others: other pairs, other rewards
    for a, b in zip(weights(plain), weights(fast), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5)
