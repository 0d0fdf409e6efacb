"""Whatever Python functions are called with: taken, or refused in one line."""

import inspect

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from support.fuzzing import refused, texts, values

import fsr_gdw_tf
from fsr_gdw_tf import InputPipeline, MetaLoss, VirtualStep, WeightNet
from fsr_gdw_tf.data import CropFlip, Resize, ResizedCropFlip, label_checks
from fsr_gdw_tf.dictionary import Dictionary
from fsr_gdw_tf.methods import METHODS, CoTeaching, MentorNet
from fsr_gdw_tf.regularisers import REGULARISERS

CLASSES = [*METHODS, *REGULARISERS, InputPipeline, MetaLoss, VirtualStep]
CLASSES += [WeightNet, Dictionary, CropFlip, Resize, ResizedCropFlip]
REQUIRED = {CoTeaching: {"forget_rate": 0.2}, Resize: {"size": 8}}
PARAMETERS = [
    (owner, name)
    for owner in CLASSES
    for name in inspect.signature(owner).parameters
    if name not in ("kwargs", "args")
]
labels = st.one_of(
    st.lists(values, max_size=6),
    hnp.arrays(hnp.scalar_dtypes(), hnp.array_shapes(min_dims=0, max_dims=3)),
    st.lists(st.integers(-1, 3), max_size=6),
    st.lists(texts | st.booleans() | st.none(), max_size=6),
)


@given(st.sampled_from(PARAMETERS), values)
@example((MentorNet, "drop"), [None, []])
def test_an_argument_of_a_class(parameter, value):
    owner, name = parameter
    refused(owner, **{**REQUIRED.get(owner, {}), name: value})


@given(labels, st.none() | st.lists(texts, max_size=4))
def test_labels(given_labels, names):
    found, no = refused(label_checks.encode, given_labels, names)
    assert no or len(found) == 2


@given(labels, st.none() | st.lists(texts, max_size=4))
def test_arrays(given_labels, names):
    n = len(given_labels) if isinstance(given_labels, list) else 3
    x = np.zeros((n, 2), np.float32)
    source, no = refused(fsr_gdw_tf.from_arrays, x, given_labels, names)
    assert no or (source.labels < source.classes).all()
