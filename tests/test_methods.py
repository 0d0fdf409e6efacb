"""One contract for every method and regulariser."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from conftest import blob_source, blobs, classifier, weights

from fsr_gdw_tf import (
    Dictionary,
    InputPipeline,
    InvalidInput,
    MixUp,
    Supervised,
    arrays,
)
from fsr_gdw_tf.callbacks import Checkpoints
from fsr_gdw_tf.data.splits import check_meta
from fsr_gdw_tf.example_state import example_table
from fsr_gdw_tf.methods import (
    CRUST,
    D2L,
    FSR,
    GCE,
    GDW,
    GLC,
    INSW,
    L2RW,
    METHODS,
    PENCIL,
    ClassBalanced,
    CoTeaching,
    FineTune,
    Focal,
    ForwardCorrection,
    GenLabel,
    MentorNet,
    MWNet,
    SoftLabel,
)
from fsr_gdw_tf.optimizers import Adam
from fsr_gdw_tf.regularisers import ELR, REGULARISERS, Relabel, Remix, mixup

NOISE = [[0.8, 0.1, 0.1], [0.0, 1.0, 0.0], [0.0, 0.3, 0.7]]

# Every row must pass every test below: name -> keyword arguments.
CASES = {
    "supervised": lambda: {"method": Supervised()},
    "label_smoothing": lambda: {"method": Supervised(smoothing=0.1)},
    "focal": lambda: {"method": Focal()},
    "class_balanced": lambda: {"method": ClassBalanced(beta=0.9)},
    "class_balanced_focal": lambda: {"method": ClassBalanced("focal")},
    "elr": lambda: {"regularisers": [ELR()]},
    "gce": lambda: {"method": GCE()},
    "mixup": lambda: {"regularisers": [MixUp()]},
    "remix": lambda: {"regularisers": [Remix(kappa=1.0)]},
    "mixup_beta": lambda: {"regularisers": [MixUp("beta")]},
    "class_balanced_deferred": lambda: {"method": ClassBalanced(warmup=1)},
    "forward_correction": lambda: {"method": ForwardCorrection()},
    "forward_known": lambda: {"method": ForwardCorrection(NOISE)},
    "glc": lambda: {"method": GLC()},
    "coteaching": lambda: {"method": CoTeaching(0.4, rise=1)},
    "mentornet": lambda: {"method": MentorNet()},
    "crust": lambda: {"method": CRUST(warmup=1)},
    "crust_unmixed": lambda: {"method": CRUST(warmup=1, blend=0)},
    "d2l": lambda: {"method": D2L(start=0, window=1)},
    "pencil": lambda: {"method": PENCIL(warmup=0.2, fix=0.5)},
    "soft_label": lambda: {"method": SoftLabel()},
    "gen_label": lambda: {"method": GenLabel(rate=1000.0, warmup=0.25)},
    "finetune": lambda: {"method": FineTune(start=1)},
    "l2rw": lambda: {"method": L2RW()},
    "insw": lambda: {"method": INSW()},
    "mwnet": lambda: {"method": MWNet()},
    "mwnet_warmup": lambda: {"method": MWNet(warmup=1)},
    "gdw": lambda: {"method": GDW()},
    "gdw_head": lambda: {"method": GDW(scope="head")},
    "gdw_now": lambda: {"method": GDW(ahead=False)},
    "gdw_every": lambda: {"method": GDW(ahead=False, meta_every=2)},
    "gdw_normal": lambda: {"method": GDW(normalise=True)},
    "gdw_free": lambda: {"method": GDW(zero_mean=False)},
    "fsr": lambda: {
        "method": FSR(warmup=1),
        "regularisers": [MixUp(), Relabel(warmup=1)],
    },
    "fsr_raw": lambda: {"method": FSR(Dictionary(same_draw=True), warmup=1)},
    "fsr_shift": lambda: {
        "method": FSR(Dictionary(same_draw=True), rule="shift", warmup=0)
    },
    "fsr_all": lambda: {
        "method": FSR(Dictionary(same_draw=True), scope="all", warmup=0)
    },
    "fsr_clean": lambda: {"method": FSR(meta=None, warmup=0)},
    "relabel": lambda: {
        "regularisers": [Relabel(memory="probs", top=2, warmup=1)]
    },
    "gdw_dictionary": lambda: {
        "method": GDW(
            meta=Dictionary(features="bank", same_draw=True), scope="head"
        ),
    },
}
RANDOM = (
    "mixup",
    "mixup_beta",
    "remix",
    "mentornet",
    "crust",
    "fsr",
    "fsr_raw",
    "fsr_shift",
    "fsr_all",
    "gdw_dictionary",
)
cases = pytest.mark.parametrize("case", CASES)


def build(case, **kwargs):
    return classifier(**CASES[case](), **kwargs)


def fit(model, data=None, **kwargs):
    """Fit on blobs, with twelve clean ones where the method wants them."""
    if model.method.uses_meta:
        kwargs["meta"] = blobs(n=12, seed=7)
    return model.fit(*(data or blobs()), verbose=0, **kwargs).history


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


def test_official_lambda_is_one_minus_half_a_square():
    u = tf.random.stateless_uniform([20000], [0, 1])
    share = mixup.official_lambda(u, 0.5).numpy()
    assert share.min() >= 0.5 and share.max() <= 1
    assert share.mean() == pytest.approx(5 / 6, abs=0.005)


@pytest.mark.parametrize(
    ("alpha", "mean"),
    # E max(l, 1-l) of Beta(1, 1) is 3/4; of Beta(.5, .5) it is 1/2 + 1/pi.
    [(1.0, 0.75), (0.5, 0.5 + 1 / np.pi)],
)
def test_beta_lambda_has_the_betas_mean(alpha, mean):
    u = tf.random.stateless_uniform([20000], [0, 1])
    share = mixup.beta_lambda(u, alpha).numpy()
    assert share.mean() == pytest.approx(mean, abs=0.005)


def test_mixing_by_hand():
    x = tf.constant([[0.0, 8.0], [4.0, 0.0]])
    mixed = mixup.mix(x, tf.constant([1, 0]), tf.constant([0.75, 1.0]))
    np.testing.assert_allclose(mixed, [[1.0, 6.0], [4.0, 0.0]])


def test_mixup_mixes_inputs_and_labels_alike_and_keeps_the_originals():
    model = classifier(regularisers=[MixUp()])
    x, y = blobs(n=30, spread=0.0)  # inputs are three times the one-hot label
    batch = {"inputs": tf.constant(x), "label": tf.one_hot(y, 3)}
    mixed = MixUp(seed=4).prepare(model, batch)
    np.testing.assert_allclose(
        mixed["inputs"][:, :3], 3 * mixed["label"], rtol=1e-5, atol=1e-6
    )
    assert (mixed["label"].numpy().argmax(1) == y).all()
    assert mixed["label"].numpy().max(1).min() < 0.95
    np.testing.assert_array_equal(mixed["unmixed_inputs"], x)
    np.testing.assert_array_equal(mixed["unmixed_label"], np.eye(3)[y])


def test_mixup_draws_anew_each_step():
    model = classifier(regularisers=[MixUp()])
    x, y = blobs(n=30)
    batch = {"inputs": tf.constant(x), "label": tf.one_hot(y, 3)}
    one = MixUp().prepare(model, batch)["label"].numpy()
    model.optimizer.iterations.assign(1)
    two = MixUp().prepare(model, batch)["label"].numpy()
    assert (one != two).any()


def test_a_mixup_law_that_does_not_exist():
    with pytest.raises(InvalidInput, match=r"no MixUp law 'bta'.*'beta'"):
        MixUp("bta")


def mislabelled(n=90, share=0.4):
    """Blobs with wrong labels, as a source that knows the truth."""
    source = blob_source(n=n)
    rng = np.random.default_rng(3)
    move = rng.integers(1, 3, n) * (rng.random(n) < share)
    return source.relabel((source.labels + move) % 3, source.labels)


@pytest.mark.parametrize(
    "method",
    [
        L2RW,
        # Without the warm-up the net ends at one for everybody.
        lambda: MWNet(optimizer=Adam(1e-2), warmup=4),
        GDW,
        lambda: GDW(scope="head"),
    ],
)
def test_mislabelled_examples_weigh_less(method):
    model = classifier(method())
    clean = blob_source(n=12, seed=7)
    logs = model.fit(
        mislabelled(), meta=clean, batch_size=30, epochs=15, verbose=0
    ).history
    assert logs["weight_clean"][-1] > 1.1 * logs["weight_mislabelled"][-1]
    assert logs["weight_auroc"][-1] > 0.6
    assert logs["weight_std"][-1] > 0.01


def test_during_the_warmup_all_weights_are_one_and_the_net_rests():
    model = classifier(MWNet(warmup=2))
    before = [v.numpy() for v in model.method.net.trainable_variables]
    logs = fit(model, epochs=2)
    assert logs["weight_mean"] == [1.0, 1.0] and logs["weight_std"] == [0, 0]
    after = [v.numpy() for v in model.method.net.trainable_variables]
    for a, b in zip(before, after, strict=True):
        np.testing.assert_array_equal(a, b)
    assert model.method.optimizer.iterations == 0
    logs = fit(model, epochs=3, initial_epoch=2)
    assert logs["weight_std"][0] > 0
    assert model.method.optimizer.iterations == 1, "one step per epoch"


def test_without_a_warmup_the_net_can_end_at_one_for_everybody():
    """Why there is a warm-up: the same net, rate and data as above."""
    model = classifier(MWNet(optimizer=Adam(1e-2)))
    clean = blob_source(n=12, seed=7)
    logs = model.fit(
        mislabelled(), meta=clean, batch_size=30, epochs=15, verbose=0
    ).history
    assert logs["weight_mislabelled"][-1] > 0.98


def test_after_the_warmup_the_net_starts_like_a_new_one():
    """No trace of the zero gradients is left in Adam."""
    late, fresh = classifier(MWNet(warmup=1)), None
    fit(late, epochs=1)
    keras.utils.set_random_seed(0)
    fresh = classifier(MWNet())
    fresh.setup(blob_source(), InputPipeline())
    for a, b in zip(fresh.state, late.state, strict=True):
        a.assign(b)
    for model in (late, fresh):
        fit(model, epochs=3, initial_epoch=1)
    for a, b in zip(late.state, fresh.state, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())


def test_collapsed_weights_are_told_once():
    net = keras.Sequential(
        [keras.Input((1,)), keras.layers.Dense(1, "sigmoid")]
    )
    net.layers[0].kernel.assign([[0.0]])
    net.layers[0].bias.assign([9.0])
    model = classifier(MWNet(net=net))
    with pytest.warns(UserWarning, match="all learned weights are the same"):
        fit(model, epochs=1)


def test_gdw_head_moves_only_omega_by_the_head():
    """The real step still trains the whole network."""
    model = build("gdw_head")
    before = weights(model)
    fit(model, epochs=1)
    assert all(
        (a != b).any() for a, b in zip(before, weights(model), strict=True)
    )


def test_fine_tuning_sees_only_clean_examples_from_its_epoch_on():
    """All training labels are wrong, so only the meta set teaches the truth."""
    x, y = blobs(n=60)
    model = classifier(FineTune(start=5))
    model.fit(
        x,
        (y + 1) % 3,
        meta=blobs(n=12, seed=7),
        epochs=15,
        batch_size=20,
        verbose=0,
    )
    measured = model.evaluate(x, y, verbose=0, return_dict=True)
    assert measured["accuracy"] > 0.95


@pytest.mark.parametrize(
    ("kind", "settings"), [(FineTune, {"start": 5}), (MWNet, {"warmup": 5})]
)
def test_a_method_that_never_starts_is_told(kind, settings):
    with pytest.warns(UserWarning, match="starts at epoch 5 of 2: this is pl"):
        fit(classifier(kind(**settings)), epochs=2)


def test_meta_arrays_of_another_kind_are_told():
    x, y = blobs(n=12, seed=7)
    with pytest.raises(
        InvalidInput, match="are float64, those of the training"
    ):
        build("gdw").fit(*blobs(), meta=(x.astype(float), y))
    with pytest.raises(InvalidInput, match=r"have shape \(3,\), those of"):
        build("gdw").fit(*blobs(), meta=(x[:, :3], y))


def test_weights_that_are_no_numbers_do_not_hide_the_reason():
    """A diverged run still logs what it has."""
    model = classifier(GDW())
    model.method.net.layers[1].kernel.assign(np.full((100, 1), np.nan))
    logs = model.fit(
        mislabelled(), meta=blob_source(n=12, seed=7), verbose=0
    ).history
    assert np.isnan(logs["weight_mean"][0])


def test_clean_images_in_training_are_examples_like_others():
    source, clean = mislabelled(), blob_source(n=12, seed=7)
    model = build("gdw")
    model.fit(
        source, meta=clean, meta_in_training=True, batch_size=34, verbose=0
    )
    assert model.method.table.shape == (102,)
    assert model.optimizer.iterations == 3


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({}, "GDW learns from a clean meta set and got none"),
        ({"meta": blobs(n=9)}, "9 of the 9 meta examples are in the training"),
    ],
)
def test_a_meta_set_that_cannot_be_used(how, message):
    with pytest.raises(InvalidInput, match=message):
        build("gdw").fit(*blobs(n=9), verbose=0, **how)


def test_overlap_is_seen_by_rows_or_by_content():
    """Equal images in one data set are no overlap; an equal row is."""
    x, y = np.zeros((6, 4), np.float32), np.arange(6) % 3
    whole = arrays(x, y)
    train, meta = whole.subset(np.arange(3)), whole.subset(np.arange(3, 6))
    check_meta(train, meta)
    with pytest.raises(InvalidInput, match="3 of the 3 meta examples"):
        check_meta(whole, meta)
    with pytest.raises(InvalidInput, match="1 of the 6 meta examples"):
        check_meta(train, arrays(x, y))


def test_a_meta_set_without_a_class_is_told():
    x, y = blobs(n=12, seed=7)
    with pytest.warns(UserWarning, match=r"no example of 1 class\(es\): 2"):
        build("gdw").fit(*blobs(), meta=(x[y < 2], y[y < 2]), verbose=0)


def test_datasets_bring_their_own_meta_batches():
    x, y = blobs(n=12)
    data = tf.data.Dataset.from_tensors(
        {"inputs": x, "label": tf.one_hot(y, 3)}
    )
    with pytest.raises(InvalidInput, match="batches with meta_inputs"):
        build("gdw").fit(data, verbose=0)
    with pytest.raises(InvalidInput, match="meta goes with arrays or a Source"):
        build("gdw").fit(data, meta=(x, y), verbose=0)
    with pytest.raises(InvalidInput, match=r"INSW .* needs stable indices"):
        build("insw").fit(data, verbose=0)


def test_a_scope_that_matches_nothing_is_told_before_training():
    with pytest.raises(InvalidInput, match="no layer matches the scope 'stem'"):
        fit(classifier(GDW(scope="stem")))


def test_a_table_that_does_not_fit_is_refused_with_its_size():
    method = GDW()
    with pytest.raises(InvalidInput, match=r"437513 x 8142 .* 13\.3 GiB"):
        example_table(method, "omega", 437_513, 1.0, 8142)
