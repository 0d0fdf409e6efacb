"""L2RW: weights from the alignment with the meta gradient, new in each step.

Ren et al., "Learning to Reweight Examples for Robust Deep Learning",
https://arxiv.org/abs/1803.09050. No deviations: if no example of a batch lowers
the meta loss all its weights are zero, which `weight_mean` in the logs shows.
"""

import gin
import tensorflow as tf

from fsr_gdw_tf.methods.meta import MetaMethod
from fsr_gdw_tf.methods.reweighting import mean_one


@gin.register
class L2RW(MetaMethod):
    """Weights max(-gradient, 0), normalised over the global batch."""

    def start(self, classifier, batch, logits) -> tf.Tensor:
        # With zero weights the virtual step is zero, but its derivative is not.
        return tf.zeros_like(logits[:, :1])

    def update(self, classifier, batch, logits, result) -> tf.Tensor:
        # Eq. 7 to 9, times n, as the objective is a mean over the batch.
        return mean_one(tf.nn.relu(-result.omega_grad))
