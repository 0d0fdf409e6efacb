"""The reasons that are given for a label issue."""

import numpy as np
from support.label_records import records

from fsr_gdw_tf.label_quality.reasons import Reasons


def test_reasons_are_words_and_numbers():
    s = records(
        [1, 0],
        [[0.97, 0.02, 0.01], [0.9, 0.06, 0.04]],
        visits=np.array([15.0, 15.0]),
        disagreement=np.array([0.93, 0.0]),
        weight=np.array([0.01, 2.0]),
        zero_weight=np.array([0.93, 0.0]),
    )
    why = Reasons(s)
    assert why(0) == (
        "model predicts class 0 (0.97), not class 1 (0.02); predicted another "
        "class in 93% of 15 visits; weight 0 in 93% of visits"
    )
    assert why(1) == "model predicts class 0 (0.90)"
