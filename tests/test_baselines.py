"""The papers' baselines: each rule in literal numbers, each limit, each no."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from conftest import blob_source, blobs, classifier, weights
from test_methods import mislabelled

from fsr_gdw_tf import (
    ClassBalanced,
    Classifier,
    InputPipeline,
    InvalidInput,
    Supervised,
    losses,
)
from fsr_gdw_tf.callbacks.method_progress import MethodProgress
from fsr_gdw_tf.classifier import Forward
from fsr_gdw_tf.data import Source
from fsr_gdw_tf.methods import (
    CRUST,
    D2L,
    GLC,
    PENCIL,
    CoTeaching,
    ForwardCorrection,
    GenLabel,
    MentorNet,
    SoftLabel,
)
from fsr_gdw_tf.methods.crust import central
from fsr_gdw_tf.methods.d2l import local_dimensions
from fsr_gdw_tf.methods.forward_correction import anchors
from fsr_gdw_tf.methods.soft_label import nearest_probs
from fsr_gdw_tf.optimizers import another_optimizer
from fsr_gdw_tf.regularisers import Remix

TWO = tf.math.log([[0.75, 0.25], [0.75, 0.25]])
CLEAN = {"meta": blobs(n=12, seed=7)}


def labels_of(n, *labels) -> dict:
    """A batch that is only looked at for its labels."""
    return {"label": tf.one_hot(labels, n), "index": tf.range(len(labels))}


def told(model, epoch=0, epochs=10):
    """A learner that stands at this epoch."""
    model.epoch.assign(epoch)
    model.epochs.assign(epochs)
    return model


def forwarded(logits) -> Forward:
    return Forward(None, None, tf.constant(logits))


def trained(method=None, epochs=3, **kwargs) -> list[np.ndarray]:
    """Weights after a few epochs, from the seed of all tests."""
    keras.utils.set_random_seed(0)
    model = classifier(method)
    model.fit(*blobs(), epochs=epochs, batch_size=20, verbose=0, **kwargs)
    return weights(model)


LIMITS = {
    "no noise": lambda: (ForwardCorrection(np.eye(3)), {}),
    "co-teaching forgets nobody": lambda: (CoTeaching(0.0), {}),
    "mentor lets all pass": lambda: (
        MentorNet(percentile=1.0, decay=0.0, drop=(0.0, 0.0)),
        {},
    ),
    "coreset of all": lambda: (CRUST(1.0, radius=1e9, blend=0, warmup=0), {}),
    "labels do not move": lambda: (SoftLabel(rate=0.0), CLEAN),
    "no turn": lambda: (D2L(), {}),
    "pencil in its first phase": lambda: (PENCIL(warmup=3), {}),
    "gen-label in its first stage": lambda: (GenLabel(warmup=3), CLEAN),
    "deferred beyond the end": lambda: (ClassBalanced("focal", warmup=3), {}),
}


@pytest.mark.parametrize("case", LIMITS)
@pytest.mark.filterwarnings("ignore:.*this is plain training")
@pytest.mark.filterwarnings("ignore:.*two plain networks")
def test_in_its_limit_it_is_plain_training(case):
    method, uses = LIMITS[case]()
    for a, b in zip(trained(), trained(method, **uses), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def test_a_deferred_method_is_plain_first_and_itself_then():
    """Sigmoid losses differ from cross-entropy from the first step on."""
    late, plain = ClassBalanced("sigmoid", warmup=2), Supervised()
    for epochs, same in ((2, True), (3, False)):
        a, b = trained(late, epochs)[0], trained(plain, epochs)[0]
        assert np.allclose(a, b, rtol=1e-5, atol=1e-7) == same


def test_forward_correction_predicts_the_given_label():
    """p T = (.75 * .8 + .25 * .1, .75 * .2 + .25 * .9) = (.625, .375)."""
    matrix = tf.constant([[0.8, 0.2], [0.1, 0.9]])
    found = losses.forward_corrected(tf.eye(2), TWO, matrix)
    np.testing.assert_allclose(found, -np.log([0.625, 0.375]), rtol=1e-6)


def test_a_label_that_cannot_be_has_a_finite_slope():
    logits = tf.constant([[0.0, 200.0]])
    with tf.GradientTape() as tape:
        tape.watch(logits)
        matrix = tf.constant([[0.0, 1.0], [0.0, 1.0]])
        loss = losses.forward_corrected(tf.eye(2)[:1], logits, matrix)
    assert np.isfinite(tape.gradient(loss, logits)).all()


PROBS = np.array([[0.9, 0.1], [0.8, 0.2], [0.6, 0.4], [0.3, 0.7], [0.25, 0.75]])


@pytest.mark.parametrize(
    ("quantile", "rows"),
    # Eq. 12: the example most surely of a class; or the one below outliers.
    [(1.0, [[0.9, 0.1], [0.25, 0.75]]), (0.75, [[0.6, 0.4], [0.6, 0.4]])],
)
def test_the_matrix_is_read_off_the_clearest_examples(quantile, rows):
    found = anchors(PROBS, quantile, [0.5, 0.5])
    np.testing.assert_array_equal(found, rows)


def test_a_small_class_is_shown_by_its_largest_probability():
    """Of 100 classes each is smaller than the 3 % that would be cut off."""
    found = anchors(PROBS, 0.75, [0.2, 0.8])
    np.testing.assert_array_equal(found, [[0.9, 0.1], [0.6, 0.4]])


class Predicts:
    """A learner of which only predictions are wanted."""

    classes = 3

    def predict(self, *args, **kwargs):
        return np.array([[0.8, 0.2, 0.0], [0.6, 0.2, 0.2], [0.1, 0.9, 0.0]])


def test_glc_averages_over_clean_examples_of_a_class():
    """Eq. 2; of class 2 there is none, so it is taken for clean."""
    clean = Source(blob_source().reader, np.array([0, 0, 1]), list("abc"))
    method = GLC()
    method.pipeline = InputPipeline(2)
    matrix = method.estimate(Predicts(), None, clean)
    expected = [[0.7, 0.2, 0.1], [0.1, 0.9, 0.0], [0.0, 0.0, 1.0]]
    np.testing.assert_allclose(matrix, expected, rtol=1e-6)


def test_glc_corrects_only_labels_that_may_be_wrong():
    """Of two equal examples the second one is clean."""
    method = GLC()
    method.matrix = keras.Variable([[0.8, 0.2], [0.1, 0.9]])
    method.first_clean = 1
    found = method.objective(labels_of(2, 0, 0), TWO, None)
    np.testing.assert_allclose(found, -np.log([0.625, 0.75]), rtol=1e-6)


class Watches(keras.callbacks.Callback):
    """The weights with which each epoch begins."""

    def on_train_begin(self, logs=None):
        self.seen = []

    def on_epoch_begin(self, epoch, logs=None):
        self.seen.append(weights(self.model))


@pytest.mark.parametrize("restart", [True, False])
@pytest.mark.parametrize("kind", [ForwardCorrection, GLC])
def test_the_second_stage_starts_again_with_a_matrix(kind, restart):
    """On 40 % noise its entries are right to a tenth, the identity to .27."""
    model, watch = classifier(kind(restart=restart)), Watches()
    uses = {"meta": blob_source(n=12, seed=7)} if kind is GLC else {}
    fit = {"batch_size": 30, "epochs": 8, "callbacks": [watch], "verbose": 0}
    first = weights(model)
    logs = model.fit(mislabelled(n=900), **uses, **fit).history
    both = zip(first, watch.seen[4], strict=True)
    assert all(np.array_equal(a, b) for a, b in both) == restart
    assert logs["matrix_error"][3] > 0.2 and logs["matrix_error"][-1] < 0.1
    x, y = blobs(seed=1)
    assert (model.predict(x, verbose=0).argmax(1) == y).mean() > 0.95


def test_going_back_takes_averages_along_and_no_optimizer():
    """As in the authors' code; bias corrections of Adam stay right."""
    model = classifier(ForwardCorrection(warmup=3), ema=0.9)
    first = weights(model)
    model.fit(*blobs(), epochs=2, batch_size=20, verbose=0)
    slots = [v.numpy() for v in model.optimizer.variables]
    model.method.beginning.restore(model)
    for a, b, c in zip(first, weights(model), model.averages, strict=True):
        np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(a, c)
    for a, b in zip(slots, model.optimizer.variables, strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_matrix_is_estimated_once():
    """Fits that follow go on with it, and with the weights."""
    model, watch = classifier(ForwardCorrection()), Watches()
    model.fit(*blobs(), epochs=4, batch_size=20, verbose=0)
    known, now = model.method.matrix.numpy(), weights(model)
    fit = {"epochs": 4, "batch_size": 20, "verbose": 0, "callbacks": [watch]}
    model.fit(*blobs(), **fit)
    np.testing.assert_array_equal(model.method.matrix, known)
    for a, b in zip(now, watch.seen[0], strict=True):
        np.testing.assert_array_equal(a, b)
    assert not np.array_equal(watch.seen[0][0], watch.seen[2][0])
    assert not np.array_equal(watch.seen[1][0], watch.seen[3][0])


def test_a_stage_without_an_epoch_is_told():
    with pytest.raises(InvalidInput, match="of 1 epochs, which is none"):
        classifier(ForwardCorrection()).fit(*blobs(), verbose=0)


def test_the_matrix_is_written_as_a_table():
    source = mislabelled()
    model = classifier(ForwardCorrection([[0.6, 0.4, 0], [0, 1, 0], [0, 0, 1]]))
    model.fit(source, verbose=0)
    (rows,) = model.method.tables(source).values()
    names = {"0: 0": 0.6, "1: 1": 0.4, "2: 2": 0.0}
    assert rows[0] == {"true class": "0: 0", **names}


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        (np.eye(2), "a matrix of 3 rows and columns, got"),
        (np.ones((3, 3)), "adds up to 1, got rows of"),
        ([[1, 0], [1]], "3 rows and columns, got .*0.*, .1"),
    ],
)
def test_a_matrix_that_is_none_of_noise(matrix, message):
    with pytest.raises(InvalidInput, match=message):
        classifier(ForwardCorrection(matrix)).fit(*blobs(), verbose=0)


def test_methods_that_look_at_all_examples_want_arrays():
    data = tf.data.Dataset.from_tensor_slices(blobs()).batch(20)
    for method in (ForwardCorrection(), D2L(), CRUST(), PENCIL()):
        with pytest.raises(InvalidInput, match="needs stable indices"):
            classifier(method).fit(data, verbose=0)


@pytest.mark.parametrize(
    ("epoch", "share"), [(0, 0.0), (3, 0.15), (9, 0.45), (50, 0.45)]
)
def test_co_teaching_forgets_more_over_ten_epochs(epoch, share):
    found = CoTeaching(0.45).forgotten(told(classifier(), epoch))
    assert float(found) == pytest.approx(share)


def test_co_teaching_keeps_the_small_losses():
    """Of five, .6 * 5 = 3 stay, each with weight 5/3."""
    method = CoTeaching(0.4, rise=1)
    sure = [0.9, 0.2, 0.6, 0.5, 0.7]
    logits = tf.math.log([[p, 1 - p] for p in sure])
    model = told(classifier(), epoch=1)
    omega = method.select(model, labels_of(2, *[0] * 5), logits)
    kept = np.array([1, 0, 1, 0, 1]) * 5 / 3
    np.testing.assert_allclose(omega[:, 0], kept, rtol=1e-6)


def users_network() -> keras.Model:
    return keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(8, "relu"),
            keras.layers.Dense(3),
        ]
    )


@pytest.mark.filterwarnings("ignore:.*two plain networks")
def test_without_forgetting_the_twin_is_a_second_plain_network():
    keras.utils.set_random_seed(1)
    network = users_network()
    alone = keras.models.clone_model(network)
    alone.set_weights(network.get_weights())
    trained(CoTeaching(0.0, network=network))
    keras.utils.set_random_seed(0)
    plain = type(classifier()).wrap(alone, Supervised())
    plain.compile(keras.optimizers.SGD(0.1, momentum=0.9))
    plain.fit(*blobs(), epochs=3, batch_size=20, verbose=0)
    both = zip(network.get_weights(), alone.get_weights(), strict=True)
    for a, b in both:
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def test_each_network_trains_on_what_the_other_selects():
    """With one example of three kept, the twin's choice is ours."""
    model = told(classifier(CoTeaching(0.6, rise=1)), epoch=1)
    model.setup(blob_source(), InputPipeline(3))
    method, (x, y) = model.method, blobs(n=3, seed=5)
    batch = {"inputs": tf.constant(x), **labels_of(3, *y)}
    own, other = model(x), method.twin(x)
    with tf.GradientTape(persistent=True) as tape:
        features = model.features(x)
    told_to, step = [], method.twin.train_step
    method.twin.train_step = lambda b: told_to.append(b["selected"]) or step(b)
    omega = method.compute_omega(model, batch, Forward(tape, features, own))
    losses_of = [losses.cross_entropy(batch["label"], z) for z in (own, other)]
    mine, its = (int(np.argmin(found)) for found in losses_of)
    assert mine != its, "a seed for which they differ"
    np.testing.assert_allclose(omega[:, 0], 3 * np.eye(3)[its], rtol=1e-5)
    np.testing.assert_allclose(told_to[0][:, 0], 3 * np.eye(3)[mine], rtol=1e-5)


def second_network(*layers) -> CoTeaching:
    return CoTeaching(0.2, network=keras.Sequential(layers))


WRONG = {
    "input": (
        lambda: second_network(keras.Input((5,)), keras.layers.Dense(3)),
        r"inputs of shape \(None, 5\), the first \(None, 4\)",
    ),
    "classes": (
        lambda: second_network(keras.Input((4,)), keras.layers.Dense(2)),
        "has classes 2, the first 3",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_second_network_of_another_kind_is_told(case):
    make, message = WRONG[case]
    with pytest.raises(InvalidInput, match=message):
        classifier(make()).fit(*blobs(), verbose=0)


def test_the_same_network_twice_is_told():
    inputs = keras.Input((4,))
    fixed = {"kernel_initializer": keras.initializers.GlorotUniform(seed=1)}
    dense = keras.layers.Dense(8, activation="relu", **fixed)
    head = keras.layers.Dense(3, **fixed)
    head.build((None, 8))
    model = Classifier(
        keras.Model(inputs, dense(inputs)), head, CoTeaching(0.2)
    )
    model.compile()
    with pytest.raises(InvalidInput, match="have the same weights"):
        model.setup(blob_source(), InputPipeline(4))


def test_the_twin_takes_over_what_is_not_trained():
    """Statistics of the inputs, and a layer that is frozen."""
    inputs = keras.Input((4,))
    scale, frozen = keras.layers.Normalization(), keras.layers.Dense(8)
    scale.adapt(100 + blobs()[0])
    features = keras.Model(inputs, frozen(scale(inputs)))
    frozen.trainable = False
    model = classifier(CoTeaching(0.2), features=features)
    model.setup(blob_source(), InputPipeline(4))
    twin, x = model.method.twin, 100 + blobs()[0]
    np.testing.assert_array_equal(model.features(x), twin.features(x))
    assert not np.array_equal(model.head.kernel, twin.head.kernel)


def test_an_optimizer_that_cannot_be_copied_is_told():
    class Falling(keras.optimizers.schedules.LearningRateSchedule):
        def __call__(self, step):
            return 0.1

    model = classifier(CoTeaching(0.2))
    model.compile(keras.optimizers.SGD(Falling()))
    with pytest.raises(InvalidInput, match="give it a get_config"):
        model.setup(blob_source(), InputPipeline(4))


def test_forgetting_nobody_is_told():
    with pytest.warns(UserWarning, match="two plain networks; set it"):
        CoTeaching(0.0)


def test_another_optimizer_follows_the_rate():
    first = keras.optimizers.SGD(0.1, momentum=0.9)
    other = another_optimizer(first)
    first.learning_rate = 0.01
    assert float(other.learning_rate) == pytest.approx(0.01)
    assert other is not first and other.momentum == 0.9


@pytest.mark.parametrize(
    ("done", "expected"),
    [(0.18, [1, 1, 1, 1]), (0.5, [1, 1, 0, 0]), (0.9, [1, 1, 0.75, 0])],
)
def test_mentors_curriculum(done, expected):
    """v of losses that are -1, 0, .25 and 2 above the moving average."""
    above = tf.constant([-1.0, 0.0, 0.25, 2.0])
    found = MentorNet().curriculum(above, tf.constant(done))
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_mentors_average_follows_a_percentile():
    """Of 1 to 5 three quarters is 4: averages 2 and 3 at decay 1/2."""
    method = MentorNet(percentile=0.75, decay=0.5)
    loss = tf.constant([5.0, 1.0, 4.0, 2.0, 3.0])
    assert [float(method.follow(loss)) for _ in range(2)] == [2.0, 3.0]


@pytest.mark.parametrize(("epoch", "left"), [(0, 10), (5, 19)])
def test_mentor_drops_half_of_a_batch_at_first(epoch, left):
    model = told(classifier(), epoch)
    forward = forwarded(np.zeros((20, 3), np.float32))
    batch = labels_of(3, *[0] * 20)
    loss = losses.cross_entropy(batch["label"], forward.logits)
    done = tf.constant(epoch / 10)
    stays = MentorNet().stays(model, loss, done)
    assert int(tf.reduce_sum(tf.cast(stays, tf.int32))) == left


def test_the_nearest_probabilities():
    rows = tf.constant([[0.5, 0.5, 0.5], [2.0, 0.0, 0.0], [0.9, 0.3, -0.5]])
    expected = [[1 / 3] * 3, [1, 0, 0], [0.8, 0.2, 0]]
    np.testing.assert_allclose(nearest_probs(rows), expected, atol=1e-6)


class Shown:
    """What a virtual step has shown: labels, and the slope of the loss."""

    omega = tf.constant([[0.5, 0.5]])
    slope = tf.constant([[0.1, -0.1]])


def bound(method, classes=2):
    """A method whose labels have a table of two examples."""
    source = Source(blob_source().reader, np.array([0, 1]), ["a", "b"])
    model = classifier(method, classes=classes)
    method.setup(model, source, InputPipeline(2))
    return model


def test_a_soft_label_steps_against_its_slope():
    """One example, rate 2: (.5 - .2, .5 + .2)."""
    method = SoftLabel(rate=2.0)
    model, batch = bound(method), labels_of(2, 0)
    moved = method.update(model, batch, tf.zeros((1, 2)), Shown)
    np.testing.assert_allclose(moved, [[0.3, 0.7]], rtol=1e-6)
    np.testing.assert_allclose(
        method.labels.rows(batch), [[0.3, 0.7]], rtol=1e-6
    )


def test_a_generated_label_steps_through_its_softmax():
    """y (s - <y, s>) = (.05, -.05); rate 20: label logits -1 and 1."""
    method = GenLabel(rate=20.0, scale=0.0)
    model, batch = bound(method), labels_of(2, 0)
    moved = method.update(model, batch, tf.zeros((1, 2)), Shown)
    np.testing.assert_allclose(method.labels.rows(batch), [[-1, 1]], rtol=1e-6)
    odds = np.exp(2)
    np.testing.assert_allclose(moved[0, 1], odds / (1 + odds), rtol=1e-6)


def test_divergence_and_entropy_of_known_probabilities():
    """KL((3/4, 1/4) || (1/2, 1/2)), and the entropy of (3/4, 1/4)."""
    found = losses.divergence(TWO[:1], tf.constant([[0.5, 0.5]]))
    bits = 0.75 * np.log(0.75) + 0.25 * np.log(0.25)
    np.testing.assert_allclose(found, [np.log(2) + bits], rtol=1e-5)
    np.testing.assert_allclose(losses.entropy(TWO[:1]), [-bits], rtol=1e-6)


@pytest.mark.parametrize("part", ["objective", "penalty"])
def test_gen_label_divides_by_the_classes(part):
    """y = (1/2, 1/2), p = (3/4, 1/4), C = 2, gamma = 3."""
    method = GenLabel(entropy=3.0, warmup=0)
    bits = 0.75 * np.log(0.75) + 0.25 * np.log(0.25)
    if part == "objective":
        found = method.objective(None, TWO[:1], tf.constant([[0.5, 0.5]]))
        expected = (np.log(2) + bits) / 2
    else:
        found, expected = method.penalty(told(classifier()), None, TWO[:1]), 0
        expected = -3 * bits / 2
    np.testing.assert_allclose(found, [expected], rtol=1e-5)


@pytest.mark.parametrize(("alpha", "step"), [(0.0, 0.3), (1.0, 0.8)])
def test_pencil_moves_labels_down_its_losses(alpha, step):
    """Two examples, labels (1/2, 1/2), predictions (.8, .2), rate 4.

    KL / C on y: -p / (C y) = (-.8, -.2), through the softmax (-.15, .15); the
    compatibility on y: (1/2, 1/2) - (1, 0), through the softmax (-.25, .25).
    Of a mean over two: minus rate / 2 of that.
    """
    method = PENCIL(alpha=alpha, rate=4.0, scale=0.0, warmup=0, fix=1)
    model, batch = bound(method), labels_of(2, 0, 0)
    logits = tf.math.log([[0.8, 0.2]] * 2)
    method.observe(told(model), batch, logits, None)
    found = method.labels.rows(batch)
    np.testing.assert_allclose(found, [[step, -step]] * 2, rtol=1e-5)
    method.observe(told(model, epoch=1), batch, logits, None)
    np.testing.assert_array_equal(found, method.labels.rows(batch))


MOVES = {
    "soft-label": SoftLabel,
    "soft-label, head": lambda: SoftLabel(scope="head"),
    "gen-label": lambda: GenLabel(rate=2e4, warmup=5),
    "pencil": PENCIL,
}


@pytest.mark.parametrize("case", MOVES)
def test_learned_labels_move_to_the_truth(case):
    """Of 90 labels 36 are wrong; an unmoved label would stay at .6."""
    model = classifier(MOVES[case]())
    uses = {}
    if model.method.uses_meta:
        uses["meta"] = blob_source(n=12, seed=7)
    logs = model.fit(
        mislabelled(), batch_size=30, epochs=40, verbose=0, **uses
    ).history
    assert logs["label_accuracy"][-1] > 0.75
    assert logs["labels_changed"][-1] > 0.15
    known = model.method.per_example(model.training_dynamics.source)
    right = known["learned_label"] == model.training_dynamics.source.true_labels
    assert right.mean() == pytest.approx(logs["label_accuracy"][-1])


def test_learned_labels_do_not_go_with_mixup():
    model = classifier(SoftLabel(), regularisers=[Remix()])
    with pytest.raises(InvalidInput, match="SoftLabel learns a label for each"):
        model.fit(*blobs(), **CLEAN, verbose=0)


def test_local_dimension_of_three_points():
    """At 0, 1, 3 with two neighbours: -2 / log of the ratio of distances."""
    found = local_dimensions(np.array([[0.0], [1.0], [3.0]]), 2)
    expected = 2 / np.log([3, 2, 1.5])
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_uniform_points_have_the_dimension_of_their_space():
    points = np.random.default_rng(0).uniform(size=(500, 3))
    assert local_dimensions(points, 20).mean() == pytest.approx(3, abs=0.4)


def test_labels_count_less_once_the_dimension_turns():
    """10 is more than two deviations above the mean of 5, 4, 3, 3, 3."""
    method = D2L(start=0, window=5)
    model = classifier(method)
    measured, shares = [5, 4, 3, 3, 3, 3, 10, 3], []
    for epoch, dimension in enumerate(measured):
        method.dimension = lambda *args, value=dimension: value
        method.begin_epoch(told(model, epoch, 20), None, None)
        shares.append(float(method.alpha))
    late = [np.exp(-6 / 20 * 10 / 3), np.exp(-7 / 20)]
    np.testing.assert_allclose(shares, [1] * 6 + late, rtol=1e-6)


@pytest.mark.parametrize("n", [257, 258])
def test_the_dimension_of_a_data_set_that_no_batch_divides(n):
    """The one or two examples left over have no neighbours to speak of."""
    method, source = D2L(), blob_source(n=n)
    model = told(classifier(method))
    method.setup(model, source, InputPipeline(20))
    assert 1 < method.dimension(model, source) < 9


def test_a_dimension_that_cannot_be_measured_is_passed_over():
    """As at the beginning, where all features may coincide."""
    method = D2L(start=0, window=1)
    model = classifier(method)
    for epoch, dimension in enumerate([-1e8, 0.0, 5.0, 5.0]):
        method.dimension = lambda *args, value=dimension: value
        method.begin_epoch(told(model, epoch, 20), None, None)
    assert float(method.alpha) == 1 and float(method.lowest) == 5


def test_what_labels_lose_the_prediction_gains():
    """Label 1 at alpha = .6, p = (3/4, 1/4)."""
    method = D2L()
    method.alpha.assign(0.6)
    found = method.objective(labels_of(2, 1), TWO[:1], None)
    expected = -0.6 * np.log(0.25) - 0.4 * np.log(0.75)
    np.testing.assert_allclose(found, [expected], rtol=1e-6)


def test_central_points_weigh_their_neighbours():
    """At 0, 1, 2, 10: sums of distances 13, 11, 11, 27."""
    points = np.array([[0.0], [1.0], [2.0], [10.0]])
    np.testing.assert_array_equal(central(points, 0.5, 1.5), [0, 3, 2, 0])


def test_a_coreset_leaves_most_wrong_labels_out():
    model = classifier(CRUST(warmup=3, blend=0))
    logs = model.fit(
        mislabelled(n=300), batch_size=30, epochs=8, verbose=0
    ).history
    assert logs["weight_mean"][2] == pytest.approx(1)
    assert logs["weight_mislabelled"][-1] < 0.3 * logs["weight_clean"][-1]


def test_images_are_blended_with_others_of_their_label():
    """Points of class k lie on axis k, so a blend of one class stays there."""
    method = CRUST(warmup=0, blend=0.9)
    x, y = blobs(n=30, spread=0.0)
    x *= np.arange(1, 31, dtype=np.float32)[:, None]
    model = told(classifier(method))
    batch = {"inputs": tf.constant(x), "label": tf.one_hot(y, 3)}
    mixed = method.prepare(model, batch)["inputs"].numpy()
    assert np.abs(mixed - x).max() > 0.1
    assert (mixed.argmax(1) == y).all() and ((mixed > 0).sum(1) == 1).all()


@pytest.mark.parametrize(
    ("tau", "expected"),
    # The first is of the small class, the second of the large one.
    [(0.5, [1.0, 0.6]), (0.7, [1.0, 0.0])],
)
def test_remix_gives_the_label_to_the_far_smaller_class(tau, expected):
    part = Remix(kappa=3.0, tau=tau)
    part.counts = np.array([10, 100])
    share = part.label_share(
        tf.eye(2), tf.constant([1, 0]), tf.constant([0.6, 0.6])
    )
    np.testing.assert_allclose(share, expected, rtol=1e-6)


def test_remix_of_even_classes_is_mixup():
    part = Remix(kappa=3.0)
    part.counts = np.array([100, 40])
    share = tf.constant([0.6, 0.9])
    found = part.label_share(tf.eye(2), tf.constant([1, 0]), share)
    np.testing.assert_array_equal(found, share)


BAD = {
    "forget_rate": (lambda: CoTeaching(1.0), "forget_rate must be in"),
    "rise": (lambda: CoTeaching(0.2, rise=0), "rise must be 1 or more"),
    "quantile": (lambda: ForwardCorrection(quantile=2), "quantile must be in"),
    "percentile": (lambda: MentorNet(percentile=-1), "percentile must be in"),
    "drop": (lambda: MentorNet(drop=(1.0, 0)), "early_drop must be in"),
    "share": (lambda: CRUST(0), "share must be in"),
    "kappa": (lambda: Remix(kappa=0.5), "kappa must be 1 or more"),
    "rate": (lambda: SoftLabel(rate=-1), "rate must be 0 or more"),
    "warmup": (lambda: ClassBalanced(warmup=-1), "warmup must be 0 or more"),
    "drops": (lambda: MentorNet(drop=0.5), "drop is two shares"),
    "width": (lambda: MentorNet(width=0), "width must be"),
    "radius": (lambda: CRUST(radius=0), "radius must be"),
    "blend": (lambda: CRUST(blend=-1), "blend must be in"),
    "entropy": (lambda: GenLabel(entropy=-1), "entropy must be 0 or more"),
    "alpha": (lambda: PENCIL(alpha=-1), "alpha must be 0 or more"),
    "phases": (lambda: PENCIL(warmup=0.7, fix=0.3), "never; take a later fix"),
    "start": (lambda: D2L(start=-3), "start must be 0 or more"),
    "neighbours": (lambda: D2L(neighbours=0), "neighbours must be 1 or more"),
    "window": (lambda: D2L(window=0), "window must be 1 or more"),
}


@pytest.mark.parametrize("case", BAD)
def test_numbers_out_of_range_are_refused(case):
    make, message = BAD[case]
    with pytest.raises(InvalidInput, match=message):
        make()


class Odd(keras.layers.Layer):
    """A layer that does not say how it was made."""

    def __init__(self, needed):
        super().__init__()
        self.needed = needed

    def call(self, x):
        return x


def test_a_network_that_cannot_be_copied_is_told():
    inputs = keras.Input((4,))
    features = keras.Model(inputs, Odd(1)(inputs))
    model = classifier(CoTeaching(0.2), features=features)
    with pytest.raises(InvalidInput, match="pass a second one, network=model"):
        model.setup(blob_source(), InputPipeline(4))


def test_what_was_begun_before_a_crash_is_not_begun_again():
    """An epoch that is resumed in its middle keeps its selection."""
    model = classifier(CRUST(warmup=0))
    begun = []
    model.method.begin_epoch = lambda *args: begun.append(args)
    follow = MethodProgress(None)
    follow.set_model(model)
    for step, times in ((3, 0), (0, 1)):
        model.step.assign(step)
        follow.on_epoch_begin(2)
        assert len(begun) == times
