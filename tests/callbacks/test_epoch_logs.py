"""The callback that writes a row of metrics for each epoch."""

import csv

from support.models import blobs, classifier

from fsr_gdw_tf.callbacks import SaveMetrics


def test_rows_after_the_checkpoint_are_written_again(tmp_path):
    path = tmp_path / "metrics.csv"
    model = classifier()
    model.fit(*blobs(), epochs=3, verbose=0, callbacks=[SaveMetrics(path)])
    model.fit(
        *blobs(),
        epochs=4,
        initial_epoch=2,
        verbose=0,
        callbacks=[SaveMetrics(path, first_epoch=2)],
    )
    with path.open() as file:
        epochs = [row["epoch"] for row in csv.DictReader(file)]
    assert [float(e) for e in epochs] == [1, 2, 3, 4]
