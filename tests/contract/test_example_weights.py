"""A label of weight zero has no effect, whatever the method."""

import keras
import numpy as np
import pytest
from support.method_cases import CASES
from support.models import classifier, weights

from fsr_gdw_tf import InputPipeline, arrays


@pytest.mark.parametrize("name", ["fsr", "fsr_raw", "gdw", "supervised"])
def test_a_label_of_weight_zero_teaches_nothing(name, double):
    """The same step whatever that label is, with every way to weigh.

    Eager: tracing takes longer than the one step.
    """
    ends = []
    for label in (1, 2):
        keras.utils.set_random_seed(0)
        eager = {"run_eagerly": True}
        built = classifier(**CASES[name](), compiled=eager)
        built.method.warmup = 9
        y = np.array([label, *(np.arange(11) % 3)])
        x = np.random.default_rng(0).normal(size=(12, 4))
        given = np.array([0.0, *np.ones(11)])
        meta = arrays(x[:6] + 1, np.arange(6) % 3)
        uses = {"meta": meta} if built.method.uses_meta else {}
        source = arrays(x, y, ["0", "1", "2"]).with_weights(given)
        built.fit(
            source, pipeline=InputPipeline(12), epochs=1, verbose=0, **uses
        )
        ends.append(weights(built))
    for one, other in zip(*ends, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)
