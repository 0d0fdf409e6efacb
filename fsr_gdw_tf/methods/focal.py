"""Focal loss: well-predicted examples get less weight.

Lin et al., "Focal Loss for Dense Object Detection",
https://arxiv.org/abs/1708.02002, Eq. 4. gamma = 2 is the paper's best.
Deviation: p is that of a softmax, for one class per image; the paper's is that
of sigmoids (see `ClassBalanced(form="focal")`), with a weight alpha of the
foreground, which has no counterpart here.
"""

import gin
import tensorflow as tf

from fsr_gdw_tf import losses
from fsr_gdw_tf.errors import INF, require_range
from fsr_gdw_tf.method import Method


@gin.register
class Focal(Method):
    """-(1 - p)^gamma log p of the label."""

    def __init__(self, gamma: float = 2.0, **kwargs):
        super().__init__(**kwargs)
        require_range(0, INF, gamma=gamma)
        self.gamma = gamma

    def objective(self, batch, logits, omega) -> tf.Tensor:
        return losses.focal(batch["label"], logits, self.gamma)
