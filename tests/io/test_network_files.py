"""Networks that were saved are loaded, or what is wrong is told."""

import numpy as np
import pytest
from support.models import classifier

from fsr_gdw_tf import InvalidInput
from fsr_gdw_tf.io.network_files import load_network


def test_a_saved_network_has_its_weights(tmp_path):
    model = classifier()
    model.save(tmp_path / "model.keras")
    loaded = load_network(str(tmp_path / "model.keras"))
    before, after = model.network.get_weights(), loaded.get_weights()
    for a, b in zip(before, after, strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_damaged_file_is_told_with_what_to_do(tmp_path):
    (tmp_path / "mentor.keras").write_bytes(b"no archive")
    with pytest.raises(
        InvalidInput, match=r"mentor\.keras is .*; pass another"
    ):
        load_network(tmp_path / "mentor.keras", "pass another")
