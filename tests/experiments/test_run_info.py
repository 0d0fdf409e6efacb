"""What run.json says of the data."""

import numpy as np

from fsr_gdw_tf import arrays
from fsr_gdw_tf.data import Splits
from fsr_gdw_tf.experiments.run_info import fingerprint


def splits_of(*texts):
    test = arrays(np.array(["one", "two"]), [0, 1])
    return Splits(arrays(np.array(texts), [0, 1, 0]), test)


def test_the_fingerprint_of_texts_is_that_of_what_they_say():
    """A run on texts resumes: each process has them at other addresses."""
    before, again = (splits_of("a b", "c", "d e f") for _ in range(2))
    other = splits_of("a b", "c", "d e g")
    assert fingerprint(before) == fingerprint(again)
    assert fingerprint(before) != fingerprint(other)
