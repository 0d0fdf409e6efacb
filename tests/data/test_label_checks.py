"""Labels that are no class indices."""

import numpy as np
import pytest

from fsr_gdw_tf import InvalidInput, arrays
from fsr_gdw_tf.data import file_list
from fsr_gdw_tf.data.label_checks import encode, require_class_count


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


@pytest.mark.parametrize(
    ("labels", "expected", "names"),
    [
        (["b", "a", "b"], [1, 0, 1], ("a", "b")),
        (["10", "9", "10"], [1, 0, 1], ("9", "10")),
        (np.array([b"b", b"a"]), [1, 0], ("a", "b")),
        ([True, True], [1, 1], ("False", "True")),
        ([("x", 1), ("x", 0)], None, None),
        (np.array([2, 0], np.uint8), [2, 0], None),
        (np.array([2, 0], object), [2, 0], None),
        (np.array([[0, 1], [1, 0]]), [[0, 1], [1, 0]], None),
    ],
)
def test_labels_of_any_kind(labels, expected, names):
    if expected is None:
        cells = np.empty(len(labels), object)
        cells[:] = labels
        labels, expected, names = cells, [1, 0], ("('x', 0)", "('x', 1)")
    found, found_names = encode(labels)
    np.testing.assert_array_equal(found, expected)
    assert found_names == names


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0.0, np.nan, 1.0, np.nan], "2 of 4 labels are missing .* example 1"),
        (["a", "b", None], "1 of 3 labels are missing .* example 2"),
        (np.array(["a", np.nan], object), "1 of 2 labels are missing"),
        (["a", "d"], "the label 'd' is none of the 3 classes a, b, c"),
    ],
)
def test_labels_that_are_missing_or_unknown(labels, message):
    with pytest.raises(InvalidInput, match=message):
        encode(labels, "abc")
