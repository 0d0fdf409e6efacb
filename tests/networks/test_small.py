"""Small networks, and saving any network."""

import subprocess
import sys

import keras
import numpy as np
import pytest

from fsr_gdw_tf import networks


@pytest.mark.parametrize(
    ("build", "shape"),
    [
        (networks.small_cnn, (8, 8, 1)),
        (networks.mlp, (5,)),
        (lambda s, c: networks.cifar_resnet(s, c, 8), (8, 8, 3)),
        (lambda s, c: networks.wide_resnet(s, c, 10, 1), (8, 8, 3)),
    ],
)
def test_saved_networks_load_without_this_package(tmp_path, build, shape):
    features, head = build(shape, 3)
    network = keras.Model(features.inputs[0], head(features.outputs[0]))
    x = np.random.default_rng(0).uniform(0, 255, (2, *shape))
    np.save(tmp_path / "x.npy", x.astype(np.float32))
    network.save(tmp_path / "model.keras")
    code = (
        "import sys, keras, numpy as np\n"
        f"m = keras.models.load_model(r'{tmp_path}/model.keras')\n"
        f"np.save(r'{tmp_path}/y.npy', m(np.load(r'{tmp_path}/x.npy')))\n"
        "assert 'fsr_gdw_tf' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path)
    expected = network(np.load(tmp_path / "x.npy"))
    np.testing.assert_allclose(np.load(tmp_path / "y.npy"), expected, 1e-5)


def test_networks_take_bytes():
    features, head = networks.small_cnn((8, 8, 1), 3)
    bytes_in = np.full((1, 8, 8, 1), 255, np.uint8)
    np.testing.assert_array_equal(
        head(features(bytes_in)), head(features(bytes_in.astype(np.float32)))
    )
