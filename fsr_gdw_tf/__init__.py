"""Train Keras classifiers on noisy or imbalanced labels."""

import importlib

__version__ = "0.1.0"

# Methods and regularisers are found in the lists of their packages.
_LISTS = ("methods", "regularisers")
_MODULES = {
    "Classifier": "classifier",
    "Dictionary": "dictionary",
    "InputPipeline": "data",
    "InvalidInput": "errors",
    "MetaLoss": "lookahead",
    "SaveLabelRecords": "callbacks",
    "SklearnClassifier": "estimator",
    "Source": "data",
    "TrainingDynamics": "recorders",
    "VirtualStep": "lookahead",
    "WeightNet": "methods.weight_net",
    "arrays": "data",
    "from_arrays": "data",
    "from_csv": "data",
    "from_dataframe": "data",
    "from_folder": "data",
    "from_tfds": "data",
}


def __getattr__(name: str):
    """Import on first use, so that commands can set TensorFlow up before."""
    if name == "__all__":
        listed = {name for p in _LISTS for name in _module(p).__all__}
        return sorted({*_MODULES, *listed})
    if name in _MODULES:
        return getattr(_module(_MODULES[name]), name)
    if name[:1].isupper():  # submodules are looked for here as well
        for package in map(_module, _LISTS):
            if name in package.__all__:
                return getattr(package, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _module(name: str):
    return importlib.import_module(f"{__name__}.{name}")
