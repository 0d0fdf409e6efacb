"""Label records, written and read."""

import numpy as np
from support.models import blobs, classifier

from fsr_gdw_tf import FSR, MixUp, Relabel
from fsr_gdw_tf.callbacks import SaveLabelRecords
from fsr_gdw_tf.label_quality.label_records import collect_records, read_records


def test_statistics_come_back_as_they_were_written(tmp_path):
    x, y = blobs(n=60)
    path = tmp_path / "labels.parquet"
    extras = [MixUp(), Relabel()]
    built = classifier(FSR(), regularisers=extras, track_labels=True)
    built.fit(
        *(x, y),
        epochs=2,
        batch_size=20,
        verbose=0,
        callbacks=[SaveLabelRecords(path)],
    )
    found, now = read_records(path), collect_records(built)
    assert found.names == [str(i) for i in range(60)]
    np.testing.assert_array_equal(found.given, y)
    assert found.true is None and found.class_names == ["0", "1", "2"]
    assert (
        found.training_info["method"] == "FSR"
        and found.training_info["epochs"] == 2
    )
    assert found.training_info["pusher"] == "area_under_margin"
    assert set(found.columns) == set(now.columns)
    assert {"dictionary_score", "last_weight"} < set(found.columns)
    for name, column in now.columns.items():
        np.testing.assert_array_equal(found.columns[name], column)
    np.testing.assert_array_equal(found.top, now.top)
    assert [p.name for p in tmp_path.iterdir()] == ["labels.parquet"]
