"""Gen-label (MSLG): soft labels that the clean meta set generates.

Algan & Ulusoy, "Meta Soft Label Generation for Noisy Labels",
https://arxiv.org/abs/2007.05836, the row "Gen-label" of GDW's tables. Constants
are those of the authors' code for CIFAR-10 (rate 1500 on Clothing1M), the
warm-up is 44 of its 120 epochs. As in that code the prediction is the first
argument of the divergence, divergence and entropy are divided by the number of
classes, and only the divergence takes part in the virtual step, which is plain
gradient descent. Deviation: the learning-rate schedule is that of all methods
here.
"""

import dataclasses

import gin
import tensorflow as tf

from fsr_gdw_tf.errors import INF, require_range
from fsr_gdw_tf.method import warmup_done
from fsr_gdw_tf.methods.learned_labels import (
    divergence,
    entropy_penalty,
    setup_label_table,
)
from fsr_gdw_tf.methods.meta import MetaMethod


@gin.register
class GenLabel(MetaMethod):
    """Labels omega = softmax(l), with l per example, trained on the meta loss.

    rate: learning rate of l, beta of the paper.
    scale: K of the paper; l starts at K times the given label.
    entropy: gamma of the paper, the weight of the predictions' entropy.
    """

    default_virtual_step = dataclasses.replace(
        MetaMethod.default_virtual_step, rate=0.5
    )

    def __init__(
        self,
        rate: float = 4000.0,
        scale: float = 10.0,
        entropy: float = 1.0,
        warmup: float = 44 / 120,
        **kwargs,
    ):
        super().__init__(warmup=warmup, **kwargs)
        require_range(0, INF, rate=rate, scale=scale, entropy=entropy)
        self.rate, self.scale, self.entropy = rate, scale, entropy
        self.label_table = None

    def setup(self, classifier, source, pipeline) -> None:
        self.label_table = setup_label_table(
            self, classifier, source, self.scale
        )
        super().setup(classifier, source, pipeline)

    def plain_omega(self, batch, logits) -> None:
        # In the warm-up labels are learned, but the network does not use them.
        return None

    def start(self, classifier, batch, logits) -> tf.Tensor:
        return tf.cast(
            tf.nn.softmax(self.label_table.rows(batch)), logits.dtype
        )

    def update(self, classifier, batch, logits, result) -> tf.Tensor:
        # l <- l - beta dL/dl, with dL/dl_j = y_j (g_j - sum_k y_k g_k).
        y, g = result.omega, result.omega_grad
        mean = tf.reduce_sum(y * g, axis=1, keepdims=True)
        rows = self.label_table.rows(batch)
        rows -= self.rate * tf.cast(y * (g - mean), rows.dtype)
        self.label_table.write(batch, rows)
        return tf.cast(tf.nn.softmax(rows), logits.dtype)

    def objective(self, batch, logits, omega) -> tf.Tensor:
        return divergence(logits, omega)

    def penalty(self, classifier, batch, logits) -> tf.Tensor:
        # gamma H(p) / C.
        active = warmup_done(classifier, self.warmup)
        return entropy_penalty(logits, self.entropy, active)
