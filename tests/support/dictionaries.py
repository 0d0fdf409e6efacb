"""Dictionaries of six examples with scores computed by hand."""

import numpy as np
import tensorflow as tf
from support.models import classifier

from fsr_gdw_tf import FSR, Dictionary, InputPipeline, arrays


def dictionary_of(source, batch_size=6, pipeline=None, **kwargs):
    """Return a dictionary that is set up for these data, and its classifier."""
    dictionary = Dictionary(**{"pusher": "meta_margin", **kwargs})
    model = classifier(FSR(dictionary), classes=source.classes)
    model.setup(source, pipeline or InputPipeline(batch_size))
    return dictionary, model


def two_classes(order=range(6)):
    """Return six examples; the first three are of class 0."""
    x, y = np.eye(6, 4, dtype=np.float32), np.array([0, 0, 0, 1, 1, 1])
    order = np.asarray(order)
    return arrays(x[order], y[order])


def update_scores(dictionary, index, label, loss, p_after):
    """Update the scores by a step after which labels have `p_after`."""
    p, label = np.asarray(p_after, np.float32), np.asarray(label)
    probs = np.stack([p, 1 - p], 1)
    probs[label == 1] = probs[label == 1][:, ::-1]
    logits = tf.constant(np.log(probs))
    inputs = {
        "label": tf.one_hot(label, 2),
        "loss": tf.constant(loss, tf.float32),
        "logits_after": logits,
        "logits_unmixed": logits,
    }
    dictionary.update_scores({"index": tf.constant(index, tf.int64)}, **inputs)


LOSS = np.array([1.0, 2.0, 0.5, 0.7, 0.7, 3.0])
P_AFTER = np.array([0.5, 0.5, 0.5, 0.25, 0.5, 0.125])
LN2 = np.log(2)
# 0.1 (loss + ln p); ln .5 = -ln 2, ln .25 = -2 ln 2, ln .125 = -3 ln 2.
SCORES = 0.1 * (LOSS - LN2 * np.array([1, 1, 1, 2, 1, 3]))


class Stub:
    """The attributes of a classifier that drawing a batch needs."""

    classes = 2

    def __init__(self, step):
        self.optimizer = self
        self.iterations = tf.constant(step)
