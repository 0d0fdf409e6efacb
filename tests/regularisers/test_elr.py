"""Early-learning regularisation."""

import numpy as np
import tensorflow as tf
from support.models import blob_source, classifier

from fsr_gdw_tf import ELR, InputPipeline


def test_early_learning_regularisation_remembers_predictions():
    """Eq. 6 and 9 at p = (1/2, 1/4, 1/4): t = .3 p, then .7 t + .3 p."""
    part = ELR(weight=3.0, decay=0.7)
    model = classifier(regularisers=[part])
    part.setup(model, blob_source(), InputPipeline(2))
    batch = {"index": tf.constant([3, 5], tf.int64)}
    logits = tf.math.log([[0.5, 0.25, 0.25]] * 2)
    first = part.penalty(model, batch, logits)
    # <p, p> = 6/16
    expected = [3 * np.log(1 - 0.3 * 0.375)] * 2
    np.testing.assert_allclose(first, expected, rtol=1e-5)
    part.observe(model, batch, logits, None)
    remembered = part.table.numpy()
    np.testing.assert_allclose(remembered[3], [0.15, 0.075, 0.075], rtol=1e-5)
    assert not remembered[4].any()
    second = part.penalty(model, batch, logits)
    expected = [3 * np.log(1 - 0.51 * 0.375)] * 2
    np.testing.assert_allclose(second, expected, rtol=1e-5)


def test_early_learning_regularisation_of_weight_zero_is_nothing():
    part = ELR(weight=0.0)
    model = classifier(regularisers=[part])
    part.setup(model, blob_source(), InputPipeline(2))
    batch = {"index": tf.constant([0], tf.int64)}
    assert part.penalty(model, batch, tf.constant([[9.0, 0.0, 0.0]])) == 0
