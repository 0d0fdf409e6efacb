"""The network of a mentor."""

import keras
import numpy as np

from fsr_gdw_tf.networks.mentor import mentor_network


def test_a_mentor_has_the_parameters_of_the_authors_code(tmp_path):
    """Two LSTMs of one unit, 4 (2 + 1 + 1); 7 x 20 + 20; 20 + 1.

    The 100 embeddings of five numbers are not trained.
    """
    mentor = mentor_network()
    trained = sum(int(np.prod(v.shape)) for v in mentor.trainable_variables)
    assert trained == 2 * 16 + 160 + 21
    assert mentor.count_params() == trained + 100 * 5
    mentor.save(tmp_path / "mentor.keras")
    loaded = keras.models.load_model(tmp_path / "mentor.keras")
    pairs = np.random.default_rng(0).normal(size=(3, 1, 2)).astype("f")
    inputs = [pairs, np.array([0, 18, 99])]
    np.testing.assert_allclose(loaded(inputs), mentor(inputs), atol=1e-6)
    assert mentor(inputs).shape == (3, 1)
