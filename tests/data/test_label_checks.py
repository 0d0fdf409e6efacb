"""Labels that are no class indices."""

import numpy as np
import pytest

from fsr_gdw_tf import InvalidInput, arrays


@pytest.mark.parametrize(
    ("y", "message"),
    [
        ([0, 1, 3], r"0 to 2 \(3 classes\), got 0 to 3"),
        ([-1, 0, 1], r"0 to 2 \(3 classes\), got -1 to 1"),
        ([0.5, 1.0, 2.0], "must be integers 0 to 2, got dtype float64"),
        (["a", "b", "c"], "must be integers"),
        (np.full((3, 3), 1 / 3), "take the argmax of soft targets"),
    ],
)
def test_labels_that_are_none(y, message):
    with pytest.raises(InvalidInput, match=message):
        arrays(np.zeros((3, 1)), y, class_names=list("abc"))


def test_fewer_than_two_classes():
    with pytest.raises(InvalidInput, match="at least 2 classes, got 1"):
        arrays(np.zeros((3, 1)), [0, 0, 0])
