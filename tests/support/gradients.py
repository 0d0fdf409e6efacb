"""Networks in float64 and their meta loss, computed by hand."""

import keras
import tensorflow as tf

from fsr_gdw_tf import Classifier, losses
from fsr_gdw_tf.method import Forward
from fsr_gdw_tf.networks.scope import scope_variables
from fsr_gdw_tf.optimizers import SGD

N, M, C, DIM = 6, 5, 3, 4


def network(batch_norm=False, hidden=True):
    """Return features of two hidden layers or none, and a head."""
    inputs = x = keras.Input((DIM,))
    if hidden:
        x = keras.layers.Dense(5, name="low")(x)
        if batch_norm:
            x = keras.layers.BatchNormalization(name="norm")(x)
        x = keras.layers.Activation("tanh")(x)
        x = keras.layers.Dense(4, activation="tanh", name="high")(x)
    else:  # Keras 3.12 takes no model whose output is its input
        x = keras.layers.Identity()(x)
    head = keras.layers.Dense(C, name="head")
    head.build(x.shape)
    return keras.Model(inputs, x), head


def built(method, l2=0.0, momentum=0.0, **kwargs):
    classifier = Classifier(*network(**kwargs), method, l2=l2)
    classifier.compile(SGD(0.3, momentum=momentum))
    return classifier


def forward(classifier, batch):
    with tf.GradientTape(persistent=True) as tape:
        features = classifier.features(batch["inputs"], training=True)
        logits = classifier.head(features)
    return Forward(tape, features, logits)


class Free:
    """A method whose omega is replaced by a given value."""

    def __new__(cls, method, omega):
        method.start = lambda *args: tf.identity(omega)
        return method


def weighted(method, batch, logits, omega):
    """Return omega (p - y), the weighted gradient on the logits."""
    probs = losses.capped_probs(logits, method.cap)
    return omega * (probs - batch["label"])


def meta_loss_of(classifier, batch, omega, rule=weighted) -> float:
    """Return the meta loss after a virtual step that is computed by hand."""
    method = classifier.method
    variables = scope_variables(classifier, method.scope)
    before = [v.numpy() for v in classifier.variables]
    with tf.GradientTape() as tape:
        logits = classifier.call(batch["inputs"], training=True)
        pull = rule(method, batch, logits, omega) / N
        linear = tf.reduce_sum(logits * tf.stop_gradient(pull))
    gradients = tape.gradient(linear, [v.value for v in variables])
    for v, g in zip(variables, gradients, strict=True):
        v.assign_sub(0.3 * g)
    own = method.meta_loss.statistics == "batch"
    for v, value in zip(classifier.variables, before, strict=True):
        if "moving" in v.path:
            v.assign(value)  # the train batch has moved them just now
    logits = classifier.call(batch["meta_inputs"], training=own)
    loss = tf.reduce_mean(losses.cross_entropy(batch["meta_label"], logits))
    for v, value in zip(classifier.variables, before, strict=True):
        v.assign(value)
    return float(loss)
