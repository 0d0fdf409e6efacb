"""The callback that saves label records."""

import pytest
import tensorflow as tf
from support.models import blobs, classifier

from fsr_gdw_tf import InvalidInput
from fsr_gdw_tf.callbacks import SaveLabelRecords


def test_label_statistics_need_books_on_named_examples(tmp_path):
    callback = [SaveLabelRecords(tmp_path / "labels.parquet")]
    x, y = blobs(n=60)
    with pytest.raises(InvalidInput, match="stable indices"):
        dataset = tf.data.Dataset.from_tensor_slices((x, y)).batch(20)
        tracking = classifier(track_labels=True)
        tracking.fit(dataset, callbacks=callback, verbose=0)
    with pytest.raises(InvalidInput, match="SaveLabelRecords"):
        classifier(track_labels=False).fit(x, y, callbacks=callback, verbose=0)
