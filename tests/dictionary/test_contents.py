"""Members' inputs as variables."""

import keras
import numpy as np

from fsr_gdw_tf.dictionary.contents import Contents, longest_string


def test_inputs_of_all_kinds_come_back():
    words = np.array([["a", ""], ["élan", "mot"], ["日本", "x y"]])
    inputs = {
        "image": np.arange(15, dtype=np.uint8).reshape(3, 5),
        "words": words,
        "more": (np.array([[1.5], [2.5], [3.5]]), np.array([7, 8, 9])),
    }
    first = {
        "image": inputs["image"][0],
        "words": words[0],
        "more": tuple(part[0] for part in inputs["more"]),
    }
    assert longest_string(inputs) == 4
    contents = Contents(keras.layers.Layer(), 3, first, longest_string(inputs))
    contents.assign(inputs)
    found = contents.gather([2, 1])
    np.testing.assert_array_equal(found["image"], inputs["image"][[2, 1]])
    text = [[t.decode() for t in row] for row in found["words"].numpy()]
    assert text == words[[2, 1]].tolist()
    for part, expected in zip(found["more"], inputs["more"], strict=True):
        np.testing.assert_array_equal(part, expected[[2, 1]])
