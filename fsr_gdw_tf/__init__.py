"""Train Keras classifiers on noisy or imbalanced labels."""

import importlib

__version__ = "0.1.0"

_HOMES = {
    "InvalidInput": "fsr_gdw_tf.errors",
    "InputPipeline": "fsr_gdw_tf.data",
    "TrainingDynamics": "fsr_gdw_tf.books",
    "ClassBalanced": "fsr_gdw_tf.methods",
    "Classifier": "fsr_gdw_tf.classifier",
    "CoTeaching": "fsr_gdw_tf.methods",
    "CRUST": "fsr_gdw_tf.methods",
    "D2L": "fsr_gdw_tf.methods",
    "Dictionary": "fsr_gdw_tf.dictionary",
    "ELR": "fsr_gdw_tf.methods",
    "FSR": "fsr_gdw_tf.methods",
    "FineTune": "fsr_gdw_tf.methods",
    "Focal": "fsr_gdw_tf.methods",
    "ForwardCorrection": "fsr_gdw_tf.methods",
    "GCE": "fsr_gdw_tf.methods",
    "GDW": "fsr_gdw_tf.methods",
    "GLC": "fsr_gdw_tf.methods",
    "GenLabel": "fsr_gdw_tf.methods",
    "INSW": "fsr_gdw_tf.methods",
    "L2RW": "fsr_gdw_tf.methods",
    "SaveLabelRecords": "fsr_gdw_tf.callbacks",
    "MWNet": "fsr_gdw_tf.methods",
    "MentorNet": "fsr_gdw_tf.methods",
    "MixUp": "fsr_gdw_tf.methods",
    "PENCIL": "fsr_gdw_tf.methods",
    "Relabel": "fsr_gdw_tf.methods",
    "Remix": "fsr_gdw_tf.methods",
    "SoftLabel": "fsr_gdw_tf.methods",
    "Source": "fsr_gdw_tf.data",
    "Supervised": "fsr_gdw_tf.methods",
    "arrays": "fsr_gdw_tf.data",
}
__all__ = sorted(_HOMES)  # noqa: PLE0605  one list, not two


def __getattr__(name: str):
    """Load on first use, so that the command line can set TensorFlow up."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
