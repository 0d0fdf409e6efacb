"""Co-teaching."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from support.keras_models import CASES
from support.models import (
    at_epoch,
    blob_source,
    blobs,
    classifier,
    labels_of,
    trained,
)

from fsr_gdw_tf import (
    Classifier,
    InputPipeline,
    InvalidInput,
    Supervised,
    losses,
)
from fsr_gdw_tf.method import Forward
from fsr_gdw_tf.methods import CoTeaching


@pytest.mark.parametrize(
    ("epoch", "share"), [(0, 0.0), (3, 0.15), (9, 0.45), (50, 0.45)]
)
def test_co_teaching_forgets_more_over_ten_epochs(epoch, share):
    found = CoTeaching(0.45).current_forget_rate(at_epoch(classifier(), epoch))
    assert float(found) == pytest.approx(share)


def test_co_teaching_keeps_the_small_losses():
    """Of five, .6 * 5 = 3 stay, each with weight 5/3."""
    method = CoTeaching(0.4, rise=1)
    sure = [0.9, 0.2, 0.6, 0.5, 0.7]
    logits = tf.math.log([[p, 1 - p] for p in sure])
    model = at_epoch(classifier(), epoch=1)
    omega = method.small_loss_weights(model, labels_of(2, *[0] * 5), logits)
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
def test_without_forgetting_the_peer_is_a_second_plain_network():
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
    """With one example of three kept, the peer's choice is ours."""
    model = at_epoch(classifier(CoTeaching(0.6, rise=1)), epoch=1)
    model.setup(blob_source(), InputPipeline(3))
    method, (x, y) = model.method, blobs(n=3, seed=5)
    batch = {"inputs": tf.constant(x), **labels_of(3, *y)}
    own, other = model(x), method.peer(x)
    with tf.GradientTape(persistent=True) as tape:
        features = model.features(x)
    told_to, step = [], method.peer.update_weights
    method.peer.update_weights = lambda b: (
        told_to.append(b["selected"]) or step(b)
    )
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


def test_the_peer_takes_over_what_is_not_trained():
    """Statistics of the inputs, and a layer that is frozen."""
    inputs = keras.Input((4,))
    scale, frozen = keras.layers.Normalization(), keras.layers.Dense(8)
    scale.adapt(100 + blobs()[0])
    features = keras.Model(inputs, frozen(scale(inputs)))
    frozen.trainable = False
    model = classifier(CoTeaching(0.2), features=features)
    model.setup(blob_source(), InputPipeline(4))
    peer, x = model.method.peer, 100 + blobs()[0]
    np.testing.assert_array_equal(model.features(x), peer.features(x))
    assert not np.array_equal(model.head.kernel, peer.head.kernel)


def test_an_optimizer_that_cannot_be_copied_is_told():
    class Falling(keras.optimizers.schedules.LearningRateSchedule):
        def __call__(self, step):
            return 0.1

    model = classifier(CoTeaching(0.2))
    model.compile(keras.optimizers.SGD(Falling()))
    with pytest.raises(
        InvalidInput, match=r"has no get_config .* implement it"
    ):
        model.setup(blob_source(), InputPipeline(4))


def test_forgetting_nobody_is_told():
    with pytest.warns(UserWarning, match="two plain networks; set it"):
        CoTeaching(0.0)


class Odd(keras.layers.Layer):
    """A layer that does not say how it was made."""

    def __init__(self, needed):
        super().__init__()
        self.needed = needed

    def call(self, x):
        return x


def test_a_network_that_cannot_be_copied_is_told():
    inputs = keras.Input((8,))
    features = keras.Model(inputs, Odd(1)(inputs))
    model = classifier(CoTeaching(0.2), features=features)
    with pytest.raises(
        InvalidInput, match="pass a second network, network=model"
    ):
        model.setup(blob_source(), InputPipeline(4))


def test_a_subclassed_network_has_a_peer_that_the_user_makes():
    """Keras cannot copy such a model; its last layer is named for both."""
    case = CASES["subclassed"]
    alone = Classifier.wrap(case.build(), CoTeaching(0.2), **case.wrap)
    alone.compile("sgd")
    with pytest.raises(InvalidInput, match="pass a second network"):
        alone.fit(case.x, case.y, verbose=0)
    peer = case.build()
    before = [v.numpy() for v in peer.trainable_variables]
    method = CoTeaching(0.2, network=peer, **case.wrap)
    model = Classifier.wrap(case.build(), method, **case.wrap)
    model.compile("sgd")
    model.fit(case.x, case.y, verbose=0)
    after = [v.numpy() for v in peer.trainable_variables]
    assert all((a != b).any() for a, b in zip(before, after, strict=True))
