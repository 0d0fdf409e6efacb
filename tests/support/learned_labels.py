"""A method with a table of two learned labels."""

import numpy as np
import tensorflow as tf
from support.models import blob_source, classifier

from fsr_gdw_tf import InputPipeline
from fsr_gdw_tf.data import Source


class Shown:
    """What a virtual step has shown: labels, and the slope of the loss."""

    omega = tf.constant([[0.5, 0.5]])
    slope = tf.constant([[0.1, -0.1]])


def bound(method, classes=2):
    """A method whose labels have a table of two examples."""
    source = Source(blob_source().reader, np.array([0, 1]), ["a", "b"])
    model = classifier(method, classes=classes)
    method.setup(model, source, InputPipeline(2))
    return model
