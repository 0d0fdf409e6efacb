"""One step of GDW and of MWNet equals the official implementation's.

`gdw_golden.npz` holds every intermediate of one float64 step of the
official code, run unmodified: the expected numbers of this file.
"""

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from fsr_gdw_tf import Classifier, WeightNet, losses
from fsr_gdw_tf.lookahead import lookahead
from fsr_gdw_tf.method import Forward
from fsr_gdw_tf.methods import GDW, MWNet
from fsr_gdw_tf.optimizers import SGD

GOLDEN = np.load(Path(__file__).parent / "gdw_golden.npz")
TIGHT = {"rtol": 1e-10, "atol": 1e-12}


def golden(case):
    return lambda name: GOLDEN[f"{case}/{name}"]


def assign(layers, values):
    for layer, (kernel, bias) in zip(layers, values, strict=True):
        layer.kernel.assign(kernel)
        layer.bias.assign(bias)


def pairs(get, prefix):
    return [(get(f"{prefix}_k{i}"), get(f"{prefix}_b{i}")) for i in (1, 2)]


@pytest.fixture(params=["gdw_soft", "mwnet"])
def case(request, double):
    """The classifier, the batch, and the golden numbers of one case."""
    get = golden(request.param)
    inputs = keras.Input((6,))
    hidden = keras.layers.Dense(8, activation="tanh")
    features = keras.Model(inputs, hidden(inputs))
    head = keras.layers.Dense(4)
    head.build((None, 8))
    optimizer = SGD(float(get("lr_wnet")), momentum=0.0)
    net = WeightNet(optimizer=optimizer, l2=0.0)
    if request.param == "mwnet":
        method = MWNet(net, cap=float(get("p_max")))
    else:
        method = GDW(outer_rate=float(get("outer_lr")), weight_net=net)
    assign([hidden, head], pairs(get, "cls"))
    assign(method.weight_net.net.layers, pairs(get, "wnet"))
    classifier = Classifier(features, head, method)
    classifier.compile(SGD(float(get("lr_model")), momentum=0.0))
    batch = {
        "inputs": tf.constant(get("x")),
        "label": tf.one_hot(get("y"), 4, dtype=tf.float64),
        "meta_inputs": tf.constant(get("xv")),
        "meta_label": tf.one_hot(get("yv"), 4, dtype=tf.float64),
    }
    return classifier, batch, get


def forward(classifier, batch):
    with tf.GradientTape(persistent=True) as tape:
        logits = classifier.call(batch["inputs"], training=True)
    return Forward(tape, None, logits)


def check(actual, expected):
    np.testing.assert_allclose(np.array(actual), expected, **TIGHT)


def test_before_the_virtual_step(case):
    classifier, batch, get = case
    logits = classifier.call(batch["inputs"])
    check(logits, get("logits"))
    check(losses.capped_probs(logits, 0.999), get("p"))
    check(losses.cross_entropy(batch["label"], logits), get("loss_i"))
    method = classifier.method
    check(method.weight_net.example_weights(batch, logits), get("omega_inst"))
    omega = method.start(classifier, batch, logits)
    if isinstance(method, GDW):
        check(omega, get("omega1"))
    _, delta = classifier.loss_and_delta(batch, logits, omega)
    check(delta, get("virt_logit_grad"))


def test_what_the_lookahead_teaches(case):
    classifier, batch, get = case
    _, g, phi, _ = lookahead(
        classifier, classifier.method, batch, forward(classifier, batch)
    )
    for name, gradient in zip(("k1", "b1", "k2", "b2"), phi, strict=True):
        check(gradient, get(f"wnet_grad_{name}"))
    if isinstance(classifier.method, GDW):
        check(g, get("g"))
        check(classifier.method.class_update(g), get("update"))


def test_the_weights_of_the_real_step(case):
    classifier, batch, get = case
    step = forward(classifier, batch)
    omega = classifier.method.compute_omega(classifier, batch, step).after
    name = "omega2" if isinstance(classifier.method, GDW) else "omega_new"
    check(omega, get(name))
    _, delta = classifier.loss_and_delta(batch, step.logits, omega)
    check(delta, get("step_logit_grad"))


@pytest.mark.parametrize("graph", [False, True])
def test_a_whole_training_step(case, graph):
    """Through the public fit: network and weight net after the step."""
    classifier, batch, get = case
    classifier.compile(SGD(0.1, momentum=0.0), run_eagerly=not graph)
    dataset = tf.data.Dataset.from_tensors(batch)
    logs = classifier.fit(dataset, verbose=0).history
    names = ("k1", "b1", "k2", "b2")
    for name, v in zip(names, classifier.network_variables, strict=True):
        check(v, get(f"cls_new_{name}"))
    net = classifier.method.weight_net.net.trainable_variables
    for name, v in zip(names, net, strict=True):
        check(v, get(f"wnet_new_{name}"))
    np.testing.assert_allclose(logs["loss"], [get("loss_i").mean()], rtol=1e-6)
