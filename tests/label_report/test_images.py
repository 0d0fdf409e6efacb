"""The images of the label report."""

import numpy as np
import pytest
from support.label_records import records

from fsr_gdw_tf import InvalidInput, arrays
from fsr_gdw_tf.experiments import gin_config
from fsr_gdw_tf.experiments.experiment import data_of_run
from fsr_gdw_tf.io.run_folder import RunFolder
from fsr_gdw_tf.label_report import images


def test_data_that_are_others_now_are_not_shown_as_those_of_the_run(tmp_path):
    s = records([0, 1], np.eye(2))
    gin_config.parse(["gin/digits.gin"])
    (tmp_path / "config.gin").write_text(gin_config.config_string())
    with pytest.raises(
        InvalidInput, match="expected the data that the run was trained on"
    ):
        images.of_run(s, lambda: data_of_run(RunFolder(tmp_path)))


def test_images_are_bytes_whatever_the_data_are():
    floats = np.linspace(-1, 1, 2 * 4 * 4).reshape(2, 4, 4)
    shown = images.of_source(arrays(floats, np.array([0, 1])))([0, 1])
    assert [i.shape for i in shown] == [(4, 4, 1)] * 2
    assert shown[0].min() == 0 and shown[0].max() == 255
    table = images.of_source(arrays(np.zeros((2, 3)), np.array([0, 1])))
    assert table([0, 1]) == [None, None]
