"""Small data and small networks that many tests share."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import pytest

from fsr_gdw_tf import Classifier, arrays, main, networks
from fsr_gdw_tf.command_line import parse_flags
from fsr_gdw_tf.experiments import gin_config


@pytest.fixture(autouse=True)
def seeded():
    """Every test starts from the same weights, alone or in parallel."""
    keras.utils.set_random_seed(0)


@pytest.fixture
def double():
    """Everything in float64, for numbers that must agree closely."""
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    yield
    keras.config.set_floatx("float32")
    keras.config.set_dtype_policy("float32")


def blobs(n=60, classes=3, dim=4, seed=0, spread=0.3):
    """Separable clouds of points: what any method must learn."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % classes
    centres = np.eye(classes, dim) * 3
    x = centres[y] + spread * rng.normal(size=(n, dim))
    return x.astype(np.float32), y


def blob_source(**kwargs):
    """The same as a source."""
    return arrays(*blobs(**kwargs))


def classifier(
    method=None, dim=4, classes=3, compiled=None, features=None, **kwargs
):
    """A compiled classifier with eight hidden units."""
    parts = networks.mlp((dim,), classes, hidden=(8,))
    parts = parts if features is None else (features, parts[1])
    built = Classifier(*parts, method, **kwargs)
    built.compile(keras.optimizers.SGD(0.1, momentum=0.9), **(compiled or {}))
    return built


def weights(model) -> list[np.ndarray]:
    """The numbers of the network, copied."""
    return [v.numpy().copy() for v in model.network_variables]


@pytest.fixture
def command_line(capsys, monkeypatch):
    """Run the command line here; gives (exit code, stdout, stderr)."""

    def run(*args: str):
        monkeypatch.setattr("sys.argv", ["main", *args])
        main.FLAGS.unparse_flags()
        for name in ("gin_file", "gin_param", "run_dir", "mode"):
            main.FLAGS[name].unparse()
        code = 0
        try:
            main.main(parse_flags(["main", *args]))
        except SystemExit as stop:
            code = stop.code
        out = capsys.readouterr()
        return code, out.out, out.err

    yield run
    gin_config.gin.clear_config()
