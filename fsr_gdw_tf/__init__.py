"""Train Keras classifiers on noisy or imbalanced labels."""

import importlib

__version__ = "0.1.0"

# Methods and regularisers are found in the lists of their packages.
_LISTS = {"methods": "METHODS", "regularisers": "REGULARISERS"}
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
        return sorted({*_MODULES, *_listed()})
    if name in _MODULES:
        return getattr(_module(_MODULES[name]), name)
    if name[:1].isupper():  # submodules are looked for here as well
        listed = _listed()
        if name in listed:
            return listed[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _listed() -> dict:
    """Return the methods and regularisers by their names."""
    lists = (getattr(_module(p), names) for p, names in _LISTS.items())
    return {kind.__name__: kind for kinds in lists for kind in kinds}


def _module(name: str):
    return importlib.import_module(f"{__name__}.{name}")
