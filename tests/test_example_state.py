"""Tables with a row for each training example."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from support.models import blobs, classifier

from fsr_gdw_tf import FSR, GDW, InvalidInput, Relabel, example_state
from fsr_gdw_tf.example_state import example_table


@pytest.mark.usefixtures("double")
def test_rows_are_written_where_they_belong():
    table = keras.Variable(np.arange(5.0), aggregation="sum")
    example_state.scatter_rows(
        table, tf.constant([4, 1]), tf.constant([9.0, 7.0])
    )
    np.testing.assert_allclose(table.numpy(), [0, 7, 2, 3, 9])


def test_a_table_that_does_not_fit_is_refused_with_its_size():
    method = GDW()
    with pytest.raises(InvalidInput, match=r"437513 x 8142 .* 13\.3 GiB"):
        example_table(method, "omega", 437_513, 1.0, 8142)


@pytest.mark.parametrize("build", [FSR, GDW, Relabel])
def test_other_labels_need_a_new_classifier(build):
    x, y = blobs()
    component = build()
    method = component if build is not Relabel else None
    model = classifier(method, regularisers=[] if method else [component])
    meta = {"meta": blobs(n=12, seed=7)} if build is GDW else {}
    model.fit(x, y, verbose=0, **meta)
    y = y.copy()
    y[3] = (y[3] + 1) % 3
    with pytest.raises(
        InvalidInput, match="of 60 examples and got 60 with other"
    ):
        model.fit(x, y, verbose=0, **meta)
    with pytest.raises(
        InvalidInput, match="of 60 examples and got 59 with other"
    ):
        model.fit(x[:-1], y[:-1], verbose=0, **meta)
