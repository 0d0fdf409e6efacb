"""The scores by which examples enter the dictionary."""

import numpy as np
import pytest
import tensorflow as tf

from fsr_gdw_tf.dictionary.pushers import (
    NEVER,
    PUSHERS,
    RIGHT,
    WRONG,
    ScoreInputs,
    next_history,
)


def inputs(**kwargs):
    """Four examples of class 0 with these logits afterwards."""
    after = [[2.0, 0.0, 1.0], [0.0, 3.0, 1.0], [1.0, 1.0, -1.0], [4.0, 0, 0]]
    start = {
        "score": tf.constant([1.0, -1.0, 0.0, 0.5]),
        "visits": tf.constant([3.0, 1.0, 0.0, 4.0]),
        "history": tf.constant([RIGHT, RIGHT, NEVER, WRONG]),
        "label": tf.one_hot([0, 0, 0, 0], 3),
        "loss": tf.constant([1.0, 2.0, 3.0, 4.0]),
        "logits_after": tf.constant(after),
        "logits_unmixed": tf.zeros((4, 3)),
    }
    return ScoreInputs(**{**start, **kwargs})


# -ln softmax of the logits above at class 0.
AFTER = np.array([0.407606, 3.169846, 0.758624, 0.035976])
OLD = np.array([1.0, -1.0, 0.0, 0.5])
TOP_TWO = np.array([0.420512, 0.729600, 0.0, 0.946995])


@pytest.mark.parametrize(
    ("pusher", "expected"),
    [
        ("meta_margin", 0.9 * OLD + 0.1 * (np.array([1, 2, 3, 4]) - AFTER)),
        ("unmixed_margin", 0.9 * OLD + 0.1 * (np.log(3) - AFTER)),
        ("negative_loss", 0.9 * OLD - 0.1 * AFTER),
        ("max_margin", 0.9 * OLD + 0.1 * TOP_TWO),
        # Margins 1, -3, 0, 4; averages over 4, 2, 1 and 5 visits.
        ("area_under_margin", [1.0, -2.0, 0.0, 0.5 + 3.5 / 5]),
        # Kept, lost once more, right for the first time, right again.
        ("forgetting", [1.0, -2.0, 0.0, 0.5]),
    ],
)
def test_pushers_by_hand(pusher, expected):
    score = PUSHERS[pusher](inputs())
    np.testing.assert_allclose(score, expected, rtol=1e-5, atol=1e-6)


def test_what_was_never_right_is_worse_than_what_was_forgotten():
    one = inputs(history=tf.fill([4], NEVER))
    score = PUSHERS["forgetting"](one).numpy()
    assert score.tolist() == [0.0, -2.0, 0.0, 0.0]
    memory = next_history(one).numpy().tolist()
    assert memory == [RIGHT, NEVER, RIGHT, RIGHT]
    assert next_history(inputs()).numpy().tolist() == [
        RIGHT,
        WRONG,
        RIGHT,
        RIGHT,
    ]
