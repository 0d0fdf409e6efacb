"""Small networks, and saving any network."""

import subprocess
import sys

import keras
import numpy as np

from fsr_gdw_tf import networks

LOAD = """if True:
    import sys, keras, numpy as np
    for i in range(4):
        model = keras.models.load_model(f"{i}.keras")
        np.save(f"y{i}.npy", model(np.load(f"x{i}.npy")))
    assert "fsr_gdw_tf" not in sys.modules
"""


def test_saved_networks_load_without_this_package(tmp_path):
    kinds = [
        (networks.small_cnn, (8, 8, 1)),
        (networks.mlp, (5,)),
        (lambda s, c: networks.cifar_resnet(s, c, 8), (8, 8, 3)),
        (lambda s, c: networks.wide_resnet(s, c, 10, 1), (8, 8, 3)),
    ]
    built = []
    for i, (build, shape) in enumerate(kinds):
        features, head = build(shape, 3)
        network = keras.Model(features.inputs[0], head(features.outputs[0]))
        x = np.random.default_rng(0).uniform(0, 255, (2, *shape))
        np.save(tmp_path / f"x{i}.npy", x.astype(np.float32))
        network.save(tmp_path / f"{i}.keras")
        built.append(network)
    subprocess.run([sys.executable, "-c", LOAD], check=True, cwd=tmp_path)
    for i, network in enumerate(built):
        expected = network(np.load(tmp_path / f"x{i}.npy"))
        found = np.load(tmp_path / f"y{i}.npy")
        np.testing.assert_allclose(found, expected, 1e-5)


def test_networks_take_bytes():
    features, head = networks.small_cnn((8, 8, 1), 3)
    bytes_in = np.full((1, 8, 8, 1), 255, np.uint8)
    np.testing.assert_array_equal(
        head(features(bytes_in)), head(features(bytes_in.astype(np.float32)))
    )
