"""PENCIL."""

import numpy as np
import pytest
import tensorflow as tf
from support.learned_labels import set_up
from support.models import at_epoch, labels_of

from fsr_gdw_tf.methods import PENCIL


@pytest.mark.parametrize(("alpha", "step"), [(0.0, 0.3), (1.0, 0.8)])
def test_pencil_moves_labels_down_its_losses(alpha, step):
    """Two examples, labels (1/2, 1/2), predictions (.8, .2), rate 4.

    KL / C on y: -p / (C y) = (-.8, -.2), through the softmax (-.15, .15); the
    compatibility on y: (1/2, 1/2) - (1, 0), through the softmax (-.25, .25).
    Of a mean over two: minus rate / 2 of that.
    """
    method = PENCIL(alpha=alpha, rate=4.0, scale=0.0, warmup=0, fix=1)
    model, batch = set_up(method), labels_of(2, 0, 0)
    logits = tf.math.log([[0.8, 0.2]] * 2)
    method.observe(at_epoch(model), batch, logits, None)
    found = method.label_table.rows(batch)
    np.testing.assert_allclose(found, [[step, -step]] * 2, rtol=1e-5)
    method.observe(at_epoch(model, epoch=1), batch, logits, None)
    np.testing.assert_array_equal(found, method.label_table.rows(batch))
