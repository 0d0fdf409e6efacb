"""Labels that are learned through a softmax."""

import numpy as np
import pytest
import tensorflow as tf
from support.learned_labels import FixedLookahead, set_up
from support.models import TWO, at_epoch, classifier, labels_of

from fsr_gdw_tf.methods import GenLabel


def test_a_generated_label_steps_through_its_softmax():
    """y (s - <y, s>) = (.05, -.05); rate 20: label logits -1 and 1."""
    method = GenLabel(rate=20.0, scale=0.0)
    model, batch = set_up(method), labels_of(2, 0)
    moved = method.update(model, batch, tf.zeros((1, 2)), FixedLookahead)
    np.testing.assert_allclose(
        method.label_table.rows(batch), [[-1, 1]], rtol=1e-6
    )
    odds = np.exp(2)
    np.testing.assert_allclose(moved[0, 1], odds / (1 + odds), rtol=1e-6)


@pytest.mark.parametrize("part", ["objective", "penalty"])
def test_gen_label_divides_by_the_classes(part):
    """y = (1/2, 1/2), p = (3/4, 1/4), C = 2, gamma = 3."""
    method = GenLabel(entropy=3.0, warmup=0)
    bits = 0.75 * np.log(0.75) + 0.25 * np.log(0.25)
    if part == "objective":
        found = method.objective(None, TWO[:1], tf.constant([[0.5, 0.5]]))
        expected = (np.log(2) + bits) / 2
    else:
        found, expected = (
            method.penalty(at_epoch(classifier()), None, TWO[:1]),
            0,
        )
        expected = -3 * bits / 2
    np.testing.assert_allclose(found, [expected], rtol=1e-5)
