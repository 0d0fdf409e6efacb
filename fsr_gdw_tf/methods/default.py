"""The method of `Classifier.wrap` when none is given."""

from fsr_gdw_tf.dictionary import Dictionary
from fsr_gdw_tf.methods.gdw import GDW
from fsr_gdw_tf.methods.weight_net import WeightNet


def default_method() -> GDW:
    """Return GDW without clean data, as in gin/methods/gdw_dictionary_raw.gin.

    Its meta set is FSR's dictionary; its virtual step moves the head only.
    """
    return GDW(
        meta=Dictionary(),
        scope="head",
        weight_net=WeightNet(normalise=True),
        warmup=0.15,
    )
