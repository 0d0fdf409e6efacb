"""FSR's dictionary: where a meta set comes from without clean labels."""

from fsr_gdw_tf.dictionary.dictionary import Dictionary

__all__ = ["Dictionary"]
