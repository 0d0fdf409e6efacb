"""Labels that are no class indices."""

import numpy as np
import pytest

from fsr_gdw_tf import InvalidInput, arrays
from fsr_gdw_tf.data import file_list
from fsr_gdw_tf.data.label_checks import require_class_count


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


def test_a_label_far_beyond_the_data_is_refused_at_once(tmp_path):
    """A list of a billion class names would be made of it."""
    with pytest.raises(InvalidInput, match="1,000,000,000 classes, but"):
        arrays(np.zeros((3, 1)), np.array([0, 1, 999_999_999]))
    with pytest.raises(InvalidInput, match="labels must be integers"):
        arrays(np.zeros((2, 1)), np.array([0.0, np.inf]))
    for label in ("999999999", "9" * 30, "9" * 5000):
        (tmp_path / "list.csv").write_text(f"path,label\na,0\nb,{label}\n")
        with pytest.raises(InvalidInput, match=r"1,000,000,000|out of range"):
            file_list(str(tmp_path / "list.csv"), verify=False)
    require_class_count(21_841, 12_000, "ImageNet-21k, a subset")
