"""RoG: a head of linear discriminants on a trained network."""

import keras
import numpy as np
import pytest
from support.models import blobs, classifier, mislabelled

from fsr_gdw_tf import Classifier, InvalidInput, arrays
from fsr_gdw_tf.data.label_overrides import write_list
from fsr_gdw_tf.stages import RoG


def memorised():
    """A network of random features, and blobs with 40 % wrong labels."""
    return classifier(dim=4).network, mislabelled(n=150)


def test_the_head_undoes_wrong_labels():
    """Given labels agree with the truth for 60 %, predictions nearly always."""
    network, source = memorised()
    parts = RoG(network).fit(source)
    x, y = blobs(n=60, seed=5)
    found = Classifier(*parts).predict_probs(x).argmax(axis=1)
    assert np.mean(found == y) > 0.9
    assert np.mean(source.labels == source.true_labels) < 0.7


def test_held_out_examples_give_the_weights_alone(tmp_path):
    """Means do not move with them, wherever they lie."""
    network, source = memorised()
    apart = np.arange(0, 150, 5)
    path = tmp_path / "held_out.csv"
    write_list(path, source, apart)
    kernels = []
    for shift in (0.0, 100.0):
        x = np.array(source.reader.inputs)
        x[apart] += shift
        moved = arrays(x, source.labels)
        _, head = RoG(network, held_out=path).fit(moved)
        kernels.append(head.get_layer("discriminants").get_weights()[0])
    np.testing.assert_array_equal(*kernels)


def test_a_layer_without_information_gets_no_weight():
    """Of two layers the first is constant; clean examples show it."""
    inputs = keras.Input((4,))
    constant = keras.layers.Dense(
        3, "relu", kernel_initializer="zeros", name="constant"
    )
    x = keras.layers.Dense(8, "relu", name="useful")(inputs)
    merged = keras.layers.Concatenate()([constant(inputs), x])
    network = keras.Model(inputs, keras.layers.Dense(3)(merged))
    rog = RoG(network, layers=["constant", "useful"], uses_meta=True)
    _, head = rog.fit(mislabelled(n=150), arrays(*blobs(n=30, seed=2)))
    weights = head.get_layer("mixture").get_weights()[0].ravel()
    np.testing.assert_allclose(weights, [0, 1], atol=0.05)


def test_what_is_missing_is_said_in_one_line():
    network, source = memorised()
    with pytest.raises(InvalidInput, match=r"set RoG.network to the model"):
        RoG()
    with pytest.raises(InvalidInput, match="needs clean images"):
        RoG(network, uses_meta=True).fit(source)
    with pytest.raises(InvalidInput, match="damaged, or not what its name"):
        RoG("nowhere/model.keras").fit(source)
