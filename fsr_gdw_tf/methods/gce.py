"""Generalised cross-entropy: between cross-entropy and absolute error.

Zhang & Sabuncu, "Generalized Cross Entropy Loss for Training Deep Neural
Networks with Noisy Labels", https://arxiv.org/abs/1805.07836, Eq. 6. q = 0.7 is
the paper's. The truncated form, which drops examples with a large loss, is not
implemented.
"""

import gin
import tensorflow as tf

from fsr_gdw_tf import losses
from fsr_gdw_tf.errors import require_range
from fsr_gdw_tf.method import Method


@gin.register
class GCE(Method):
    """(1 - p^q) / q of the label; q -> 0 is cross-entropy."""

    def __init__(self, q: float = 0.7, **kwargs):
        super().__init__(**kwargs)
        require_range(1e-6, 1 + 1e-6, q=q)
        self.q = q

    def objective(self, batch, logits, omega) -> tf.Tensor:
        return losses.generalised_cross_entropy(batch["label"], logits, self.q)
