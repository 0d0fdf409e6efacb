"""L2RW: weights from the alignment with the meta gradient, anew each step.

Ren et al., "Learning to Reweight Examples for Robust Deep Learning",
https://arxiv.org/abs/1803.09050. Deviation: when no example helps, all weights
are zero as in the paper, and `weight_mean` in the logs shows it.
"""

import gin
import tensorflow as tf

from fsr_gdw_tf.methods.meta import MetaMethod
from fsr_gdw_tf.methods.reweighting import mean_one


@gin.register
class L2RW(MetaMethod):
    """max(-gradient, 0) at zero weights, normalised over the global batch."""

    def start(self, classifier, batch, logits) -> tf.Tensor:
        # At zero weights the virtual step has no length; its gradient counts.
        return tf.zeros_like(logits[:, :1])

    def update(self, classifier, batch, logits, result) -> tf.Tensor:
        # Eq. 7 to 9 of the paper, times n, as the objective is a mean.
        return mean_one(tf.nn.relu(-result.omega_grad))
