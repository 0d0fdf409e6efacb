"""What plans are written with."""

from pathlib import Path

import numpy as np
import pytest
from support.models import blob_source, classifier

from fsr_gdw_tf import InputPipeline
from fsr_gdw_tf.io.network_files import load_network
from fsr_gdw_tf.io.run_folder import RunFolder
from fsr_gdw_tf.stages.stage import (
    predict_probs,
    setting,
    trained_network_path,
)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.25, "A=0.25"),
        (True, "A=True"),
        (Path("runs/it's"), '''A="runs/it's"'''),
    ],
)
def test_settings_are_written_as_gin_reads_them(value, expected):
    assert setting("A", value) == expected


def test_the_network_of_the_best_epoch_comes_first(tmp_path):
    """What is loaded predicts as what was saved."""
    folder, model = RunFolder(tmp_path), classifier()
    assert trained_network_path(folder) == tmp_path / "model.keras"
    model.save(tmp_path / "best.keras")
    assert trained_network_path(folder) == tmp_path / "best.keras"
    source, pipeline = blob_source(n=10), InputPipeline(4)
    loaded = load_network(tmp_path / "best.keras")
    np.testing.assert_allclose(
        predict_probs(loaded, source, pipeline),
        model.predict_probs(source, pipeline=pipeline),
        atol=1e-6,
    )
