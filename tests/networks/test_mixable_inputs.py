"""Which inputs MixUp can average."""

import keras
import pytest
from keras import layers
from support.keras_models import Subclassed, feature_space, graph, pair, words

from fsr_gdw_tf.networks.mixable_inputs import mixable_inputs


def looked_up_floats() -> keras.Model:
    """Two inputs of floats, one of which holds token numbers."""
    a, b = keras.Input((4,)), keras.Input((2,))
    tokens = layers.Flatten()(layers.Embedding(9, 2)(b))
    return keras.Model([a, b], layers.Concatenate()([a, tokens]))


@pytest.mark.parametrize(
    ("build", "expected"),
    [
        (lambda: graph(layers.Dense(3)), [True]),
        (lambda: graph(layers.Embedding(9, 2)), [False]),
        (lambda: graph(layers.Embedding(9, 2), dtype="int32"), [False]),
        (words, [False]),
        (lambda: pair(lambda a, b: {"b": b, "a": a}), [True, False]),
        (looked_up_floats, [True, False]),
        (feature_space, [True, False, False]),
        (Subclassed, None),
    ],
)
def test_numbers_are_averaged_unless_they_are_looked_up(build, expected):
    assert mixable_inputs(build()) == expected
