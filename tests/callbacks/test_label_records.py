"""The callback that saves label records."""

import numpy as np
import pytest
import tensorflow as tf
from support.models import blobs, classifier

from fsr_gdw_tf import InvalidInput
from fsr_gdw_tf.callbacks import SaveLabelRecords
from fsr_gdw_tf.label_quality.label_records import read_records


def test_label_statistics_need_books_on_named_examples(tmp_path):
    callback = [SaveLabelRecords(tmp_path / "labels.parquet")]
    x, y = blobs(n=60)
    with pytest.raises(InvalidInput, match="stable indices"):
        dataset = tf.data.Dataset.from_tensor_slices((x, y)).batch(20)
        classifier(track_labels=True).fit(
            dataset.repeat(), steps_per_epoch=3, callbacks=callback, verbose=0
        )
    with pytest.raises(InvalidInput, match="SaveLabelRecords"):
        classifier(track_labels=False).fit(x, y, callbacks=callback, verbose=0)


def test_reports_get_the_names_of_the_classes_of_a_dataset(tmp_path):
    """The report is built from this file alone."""
    x, y = blobs(n=60)
    names = np.array(["cat", "dog", "eel"])
    dataset = tf.data.Dataset.from_tensor_slices((x, names[y])).batch(20)
    file = tmp_path / "labels.parquet"
    model = classifier(track_labels=True)
    model.fit(dataset, callbacks=[SaveLabelRecords(file)], verbose=0)
    records = read_records(file)
    assert records.class_names == ["cat", "dog", "eel"]
    np.testing.assert_array_equal(records.given, y)
