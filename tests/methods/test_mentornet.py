"""MentorNet."""

import numpy as np
import pytest
import tensorflow as tf
from support.models import at_epoch, classifier, forwarded, labels_of

from fsr_gdw_tf import losses
from fsr_gdw_tf.methods import MentorNet


@pytest.mark.parametrize(
    ("done", "expected"),
    [(0.18, [1, 1, 1, 1]), (0.5, [1, 1, 0, 0]), (0.9, [1, 1, 0.75, 0])],
)
def test_mentors_curriculum(done, expected):
    """v of losses that are -1, 0, .25 and 2 above the moving average."""
    above = tf.constant([-1.0, 0.0, 0.25, 2.0])
    found = MentorNet().curriculum(above, tf.constant(done))
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_mentors_average_follows_a_percentile():
    """Of 1 to 5 three quarters is 4: averages 2 and 3 at decay 1/2."""
    method = MentorNet(percentile=0.75, decay=0.5)
    loss = tf.constant([5.0, 1.0, 4.0, 2.0, 3.0])
    assert [float(method.update_average(loss)) for _ in range(2)] == [2.0, 3.0]


@pytest.mark.parametrize(("epoch", "left"), [(0, 10), (5, 19)])
def test_mentor_drops_half_of_a_batch_at_first(epoch, left):
    model = at_epoch(classifier(), epoch)
    forward = forwarded(np.zeros((20, 3), np.float32))
    batch = labels_of(3, *[0] * 20)
    loss = losses.cross_entropy(batch["label"], forward.logits)
    done = tf.constant(epoch / 10)
    kept = MentorNet().random_mask(model, loss, done)
    assert int(tf.reduce_sum(tf.cast(kept, tf.int32))) == left
