"""A method with a table of two learned labels."""

import numpy as np
import tensorflow as tf
from support.models import blob_source, classifier

from fsr_gdw_tf import InputPipeline
from fsr_gdw_tf.data import Source


class FixedLookahead:
    """The labels and the gradient of the meta loss after a lookahead."""

    omega = tf.constant([[0.5, 0.5]])
    omega_grad = tf.constant([[0.1, -0.1]])


def set_up(method, classes=2):
    """Set a method up for two examples and return its classifier."""
    source = Source(blob_source().reader, np.array([0, 1]), ["a", "b"])
    model = classifier(method, classes=classes)
    method.setup(model, source, InputPipeline(2))
    return model
