"""NaN and infinity in inputs and weights are told before training."""

import numpy as np
import pytest
from support.models import blobs, classifier

from fsr_gdw_tf import GDW, InvalidInput, arrays
from fsr_gdw_tf.data import finite


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
def test_the_first_example_that_is_not_finite_is_named(number, monkeypatch):
    monkeypatch.setattr(finite, "ROWS", 7)  # it is not in the first block
    x, y = blobs(n=60)
    x[[17, 44], 2] = number
    told = "2 of 60 training examples hold numbers .* the first is example 17;"
    with pytest.raises(InvalidInput, match=told):
        classifier().fit(x, y, verbose=0)


def test_a_clean_meta_set_is_looked_at_too():
    x, y = blobs(n=12, seed=7)
    x[3] = np.nan
    with pytest.raises(InvalidInput, match="1 of 12 meta examples hold"):
        classifier(GDW()).fit(*blobs(), meta=(x, y), verbose=0)


def test_only_the_examples_that_are_used_count():
    x, y = blobs(n=60)
    x[59] = np.nan
    source = arrays(x, y).subset(np.arange(59))
    finite.require_finite(source, "examples")


def test_whole_numbers_and_texts_are_not_looked_at():
    finite.require_finite(arrays(np.ones((3, 2), int), [0, 1, 0]), "")
    finite.require_finite(arrays(np.array(["a", "b"]), [0, 1]), "")


def test_a_weight_that_is_not_finite_is_named():
    weight = np.ones(60)
    weight[5] = np.nan
    told = "expected finite weights of examples, that of example 5 is nan"
    with pytest.raises(InvalidInput, match=told):
        classifier().fit(*blobs(), sample_weight=weight, verbose=0)
