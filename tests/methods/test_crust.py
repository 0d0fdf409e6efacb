"""CRUST: coresets."""

import numpy as np
import pytest
import tensorflow as tf
from support.models import at_epoch, blobs, classifier, mislabelled

from fsr_gdw_tf.methods import CRUST
from fsr_gdw_tf.methods.crust import coreset_weights


def test_central_points_weigh_their_neighbours():
    """At 0, 1, 2, 10: sums of distances 13, 11, 11, 27."""
    points = np.array([[0.0], [1.0], [2.0], [10.0]])
    np.testing.assert_array_equal(
        coreset_weights(points, 0.5, 1.5), [0, 3, 2, 0]
    )


def test_a_coreset_leaves_most_wrong_labels_out():
    model = classifier(CRUST(warmup=3, blend=0))
    logs = model.fit(
        mislabelled(n=300), batch_size=30, epochs=8, verbose=0
    ).history
    assert logs["weight_mean"][2] == pytest.approx(1)
    assert logs["weight_mislabelled"][-1] < 0.3 * logs["weight_clean"][-1]


def test_images_are_blended_with_others_of_their_label():
    """Points of class k lie on axis k, so a blend of one class stays there."""
    method = CRUST(warmup=0, blend=0.9)
    x, y = blobs(n=30, spread=0.0)
    x *= np.arange(1, 31, dtype=np.float32)[:, None]
    model = at_epoch(classifier(method))
    batch = {"inputs": tf.constant(x), "label": tf.one_hot(y, 3)}
    mixed = method.prepare(model, batch)["inputs"].numpy()
    assert np.abs(mixed - x).max() > 0.1
    assert (mixed.argmax(1) == y).all() and ((mixed > 0).sum(1) == 1).all()
