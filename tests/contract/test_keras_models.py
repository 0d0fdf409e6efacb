"""Any Keras classifier can be wrapped: a table of models and methods."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from support.keras_models import CASES, N, other_examples
from support.method_cases import CASES as METHOD_CASES

from fsr_gdw_tf import (
    FSR,
    GDW,
    Classifier,
    InvalidInput,
    MixUp,
    Supervised,
)
from fsr_gdw_tf.methods.default import default_parts

STEPS = 3


def compiled(model, **kwargs):
    """Return the model, compiled with the same optimizer for all."""
    model.compile(keras.optimizers.SGD(0.1, momentum=0.9), **kwargs)
    return model


def built(case) -> keras.Model:
    """Return the model of a case, with the same weights in each call."""
    keras.utils.set_random_seed(1)
    return case.build()


@pytest.mark.filterwarnings("ignore:The structure of `inputs`")  # of Keras
@pytest.mark.parametrize("name", CASES)
def test_plain_training_is_that_of_keras(name, double):
    """Weights after three steps, and what both predict then."""
    case = CASES[name]
    stock, ours = built(case), built(case)
    # Eager: a graph of each of these would be traced for three steps.
    compiled(stock, loss=case.loss, run_eagerly=True)
    wrapped = Classifier.wrap(ours, Supervised(), **case.wrap)
    compiled(wrapped, run_eagerly=True)
    x = tuple(case.x) if isinstance(case.x, list) else case.x
    data = tf.data.Dataset.from_tensor_slices((x, case.y)).batch(N // STEPS)
    stock.fit(data, verbose=0, shuffle=False)
    wrapped.fit(data, verbose=0)
    near = {"rtol": case.tolerance, "atol": case.tolerance * 1e-2}
    for a, b in zip(stock.weights, ours.weights, strict=True):
        np.testing.assert_allclose(b, a, **near)
    outputs = stock.predict(data, verbose=0)
    if case.logits:
        outputs = (tf.sigmoid if case.binary else tf.nn.softmax)(outputs)
    predicted = wrapped.predict(case.x, verbose=0)
    np.testing.assert_allclose(predicted, outputs, **near)


# Each kind of model with one of the methods, and the harder ones with two.
METHODS = {
    "default": (
        default_parts,
        [
            "feature space",
            "float16",
            "frozen body",
            "nested dict",
            "pooled convolution",
            "strings",
        ],
    ),
    "fsr": (
        lambda: {"method": FSR(), "regularisers": [MixUp()]},
        ["feature space", "one sigmoid", "subclassed"],
    ),
    "gdw": (
        lambda: {"method": GDW()},
        ["float16", "nested dict", "one sigmoid", "strings", "subclassed"],
    ),
}
PAIRS = [(m, name) for m, (_, names) in METHODS.items() for name in names]


@pytest.mark.parametrize(("method", "name"), PAIRS)
def test_methods_train_every_model_and_trace_once(method, name):
    case = CASES[name]
    parts = METHODS[method][0]() | case.wrap
    model = compiled(Classifier.wrap(built(case), **parts))
    before = [v.numpy() for v in model.network_variables]
    traces, step = [], model.train_step
    model.train_step = lambda batch: traces.append(1) or step(batch)
    arguments = {"batch_size": N // 2, "verbose": 0}
    if model.method.uses_meta:
        arguments["meta"] = other_examples(case.x), case.y
    logs = model.fit(case.x, case.y, **arguments).history
    assert np.isfinite(logs["loss"]).all()
    assert len(traces) == 1, "two steps, traced once"
    after = [v.numpy() for v in model.network_variables]
    assert any((a != b).any() for a, b in zip(before, after, strict=True))
    assert isinstance(model.label_issues(), list)


# Methods that do something to inputs of their own, and settings that do.
ON_INPUTS = [
    "coteaching",
    "crust",
    "d2l",
    "finetune",
    "fsr",
    "fsr_all",
    "gdw_dictionary",
    "gdw_every",
    "remix",
]


@pytest.mark.parametrize("case", ON_INPUTS)
def test_methods_take_several_inputs(case):
    """Eager: they are traced with one input by the other contract tests."""
    model, parts = CASES["nested dict"], METHOD_CASES[case]()
    method = parts.pop("method", "supervised")
    built = compiled(
        Classifier.wrap(model.build(), method, **parts), run_eagerly=True
    )
    clean = {"meta": (other_examples(model.x), model.y)}
    clean = clean if built.method.uses_meta else {}
    arguments = {"batch_size": N // 2, "epochs": 2, "verbose": 0}
    logs = built.fit(model.x, model.y, **arguments, **clean).history
    assert np.isfinite(logs["loss"]).all()


def test_crust_needs_the_kernel_of_a_dense_layer():
    case = CASES["pooled convolution"]
    model = compiled(Classifier.wrap(case.build(), "crust"))
    with pytest.raises(InvalidInput, match="kernel of a last Dense layer"):
        model.fit(case.x, case.y, verbose=0)
