"""Fixtures of the data tests."""

import numpy as np
import pytest
import tensorflow as tf
from support.images import encoded, picture

from fsr_gdw_tf import arrays
from fsr_gdw_tf.data import Source
from fsr_gdw_tf.data.file_reader import FileReader


@pytest.fixture
def jpegs(tmp_path):
    """Return JPEG files as a source, and the same images decoded."""
    paths, images = [], []
    for i in range(12):
        contents = encoded(picture(i), quality=90)
        paths.append(tmp_path / f"{i}.jpg")
        paths[-1].write_bytes(contents)
        images.append(tf.io.decode_jpeg(contents, 3).numpy())
    labels = np.arange(12) % 2
    files = Source(FileReader(paths), labels, ["0", "1"])
    return files, arrays(np.stack(images), labels)
