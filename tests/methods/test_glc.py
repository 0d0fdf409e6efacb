"""GLC: the noise matrix from clean examples."""

import keras
import numpy as np
from support.models import TWO, Predicts, blob_source, labels_of

from fsr_gdw_tf import InputPipeline
from fsr_gdw_tf.data import Source
from fsr_gdw_tf.methods import GLC


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
