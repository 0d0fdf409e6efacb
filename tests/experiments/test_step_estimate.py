"""What a step needs, by arithmetic on a small network."""

import keras

from fsr_gdw_tf import Classifier, InputPipeline, networks
from fsr_gdw_tf.experiments.step_estimate import estimate_step, memory_of_step


def test_memory_is_that_of_weights_and_outputs():
    """Dense(10 -> 6) and (6 -> 3): 66 + 21 weights, outputs 10 + 6 + 3."""
    network = keras.Sequential(
        [keras.Input((10,)), keras.layers.Dense(6), keras.layers.Dense(3)]
    )
    memory = memory_of_step(network, batch_size=8)
    # Four times the weights; outputs, and their gradients, of 8 examples.
    inputs = 0 if len(network.layers) == 2 else 10
    assert memory == 4 * 4 * 87 + 2 * 4 * 8 * (inputs + 9)


def test_a_step_is_timed_and_the_classifier_is_left_as_it_was():
    features, head = networks.mlp((4,), 3, hidden=(5,))
    classifier = Classifier(features, head)
    before = [w.numpy().copy() for w in classifier.features.weights]
    step = estimate_step(classifier, InputPipeline(8))
    assert step.seconds > 0 and step.memory > 0
    assert step.seconds_per_image == step.seconds / 8
    after = [w.numpy() for w in classifier.features.weights]
    for one, other in zip(before, after, strict=True):
        assert (one == other).all()
