"""Gen-label (MSLG): soft labels that the clean meta set generates.

Algan & Ulusoy, "Meta Soft Label Generation for Noisy Labels",
https://arxiv.org/abs/2007.05836, the row "Gen-label" of GDW's tables. Constants
are those of the authors' code for CIFAR-10 (rate 1500 on Clothing1M), the
warm-up is 44 of its 120 epochs. As there the prediction is the first argument
of the divergence, both losses are divided by the number of classes, and only
the first one takes part in the virtual step, which is plain gradient descent.
Deviation: the schedule of the learning rate is that of all methods here.
"""

import gin
import tensorflow as tf

from fsr_gdw_tf.errors import INF, require_range
from fsr_gdw_tf.method import Method, warmup_done
from fsr_gdw_tf.methods.learned_labels import (
    LearnsLabels,
    divergence,
    uncertainty,
)
from fsr_gdw_tf.methods.meta import MetaMethod


@gin.register
class GenLabel(LearnsLabels, MetaMethod):
    """omega = softmax(l), with l, of each example, moved by the meta loss.

    rate: beta of the paper, of that move.
    scale: K; l starts at K times the given label.
    entropy: gamma, the weight of the entropy of predictions.
    """

    def __init__(
        self,
        rate: float = 4000.0,
        scale: float = 10.0,
        entropy: float = 1.0,
        virtual_rate: float | None = 0.5,
        warmup: float = 44 / 120,
        **kwargs,
    ):
        super().__init__(virtual_rate=virtual_rate, warmup=warmup, **kwargs)
        require_range(0, INF, rate=rate, scale=scale, entropy=entropy)
        self.rate, self.scale, self.entropy = rate, scale, entropy

    def plain_omega(self, batch, logits) -> tf.Tensor:
        """The label before anything is learned."""
        label = tf.cast(batch["label"], logits.dtype)
        return tf.nn.softmax(self.scale * label)

    def start(self, classifier, batch, logits) -> tf.Tensor:
        """The label as it stands."""
        return tf.cast(tf.nn.softmax(self.labels.rows(batch)), logits.dtype)

    def update(self, classifier, batch, logits, result) -> tf.Tensor:
        """Through the softmax to its logits, which move."""
        y, slope = result.omega, result.omega_grad
        mean = tf.reduce_sum(y * slope, axis=1, keepdims=True)
        rows = self.labels.rows(batch)
        rows -= self.rate * tf.cast(y * (slope - mean), rows.dtype)
        self.labels.write(batch, rows)
        return tf.cast(tf.nn.softmax(rows), logits.dtype)

    def objective(self, batch, logits, omega) -> tf.Tensor:
        """KL(p || y) / C."""
        return divergence(logits, omega)

    def loss(self, classifier, batch, logits, omega) -> tf.Tensor:
        """Plain cross-entropy during the warm-up."""
        return Method.loss(self, classifier, batch, logits, omega)

    def penalty(self, classifier, batch, logits) -> tf.Tensor:
        """gamma H(p) / C, after the warm-up."""
        counts = warmup_done(classifier, self.warmup)
        return uncertainty(logits, self.entropy, counts)
