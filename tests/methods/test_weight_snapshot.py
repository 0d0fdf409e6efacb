"""Weights that are restored for a second stage."""

import numpy as np
from support.models import blobs, classifier, weights

from fsr_gdw_tf.methods import ForwardCorrection


def test_going_back_takes_averages_along_and_no_optimizer():
    """As in the authors' code; bias corrections of Adam stay right."""
    model = classifier(ForwardCorrection(warmup=3), ema=0.9)
    first = weights(model)
    model.fit(*blobs(), epochs=2, batch_size=20, verbose=0)
    slots = [v.numpy() for v in model.optimizer.variables]
    model.method.initial_weights.restore(model)
    for a, b, c in zip(
        first, weights(model), model.average.averages, strict=True
    ):
        np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(a, c)
    for a, b in zip(slots, model.optimizer.variables, strict=True):
        np.testing.assert_array_equal(a, b)
