"""Data frames, Arrow tables and Hugging Face data sets."""

import keras
import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf
from support.data_kinds import COLUMNS, TEXTS, Frame, HuggingFace, N, X, Y
from support.models import classifier

from fsr_gdw_tf import InvalidInput
from fsr_gdw_tf.data.tables import as_inputs, as_rows, from_arrow, read_table


def test_columns_go_to_the_inputs_of_their_names():
    structure = {"c1": keras.Input(()), "kind": keras.Input((), dtype="string")}
    table = pa.table(COLUMNS | {"kind": TEXTS, "label": Y})
    found = read_table(table, "label", structure)
    assert list(found.x) == ["c1", "kind"]
    np.testing.assert_array_equal(found.x["c1"], X[:, 1])
    np.testing.assert_array_equal(found.y, Y)
    structure = [keras.Input((), name="c3"), keras.Input((), name="c0")]
    found = read_table(Frame(COLUMNS), Y, structure)
    np.testing.assert_array_equal(np.stack(found.x, 1), X[:, [3, 0]])


@pytest.mark.parametrize(
    ("columns", "structure", "message"),
    [
        (COLUMNS, {"c1": 0, "age": 0}, r"named \['age', 'c1'\], the data have"),
        (COLUMNS | {"kind": TEXTS}, keras.Input((5,)), "but 'kind' holds <U3"),
    ],
)
def test_columns_that_do_not_fit(columns, structure, message):
    with pytest.raises(InvalidInput, match=message):
        as_inputs(columns, structure)


def test_a_name_that_is_no_column():
    with pytest.raises(InvalidInput, match="no column 'lable': did you mean"):
        classifier().fit(pa.table(COLUMNS | {"label": Y}), "lable")


def test_cells_that_are_arrays_are_rows():
    rows = as_rows(from_arrow(pa.array([[1, 2], [3, 4]])))
    np.testing.assert_array_equal(rows, [[1, 2], [3, 4]])
    with pytest.raises(InvalidInput, match=r"shapes \(1,\) and \(2,\); pad"):
        as_rows(from_arrow(pa.array([[1, 2], [3]])))
    with pytest.raises(
        InvalidInput, match="got None in 1 of 2, first in row 1"
    ):
        as_rows(from_arrow(pa.array(["a", None])))


def test_arrow_categories_are_texts():
    column = pa.chunked_array([pa.array(TEXTS).dictionary_encode()])
    np.testing.assert_array_equal(from_arrow(column), TEXTS)


def test_rows_of_a_hugging_face_data_set_are_read_on_demand():
    sizes = [(2 + i % 2, 2 + i % 3, 3) for i in range(N)]
    images = [np.full(size, i, np.uint8) for i, size in enumerate(sizes)]
    column = np.empty(N, object)
    column[:] = images
    found = read_table(HuggingFace({"image": column, "label": Y}), None)
    assert found.class_names == ["cat", "dog", "eel"]
    np.testing.assert_array_equal(found.y, Y)
    assert not found.x.batched, "images of different sizes"
    data = tf.data.Dataset.range(3).map(found.x.fetch)
    assert data.element_spec.shape.as_list() == [None, None, 3]
    for image, expected in zip(data, images, strict=False):
        np.testing.assert_array_equal(image, expected)


def test_pandas_itself():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(COLUMNS | {"kind": TEXTS})
    frame["kind"] = frame["kind"].astype("category")
    model = classifier()
    model.fit(frame, "kind", verbose=0)
    assert model.class_names == ["cat", "dog", "eel"]
    model.fit(frame.drop(columns="kind"), frame["kind"], verbose=0)
    model.evaluate(frame, "kind", verbose=0)


def test_hugging_face_itself():
    datasets = pytest.importorskip("datasets")
    data = datasets.Dataset.from_dict(
        {"x": X.tolist(), "label": TEXTS.tolist()}
    )
    model = classifier()
    model.fit(data.class_encode_column("label"), verbose=0)
    assert model.class_names == ["cat", "dog", "eel"]
    assert model.predict(data, verbose=0).shape == (N, 3)
