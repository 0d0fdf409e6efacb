"""MWNet: a small network maps the loss of an example to its weight.

Shu et al., "Meta-Weight-Net: Learning an Explicit Mapping For Sample
Weighting", https://arxiv.org/abs/1902.07379. With cap=1.0 no deviations from
the MWNet repository, which does not normalise the weights over the batch.
cap=0.999 is the variant of the GDW repository, which made the MWNet rows of its
tables.
"""

import gin
import tensorflow as tf

from fsr_gdw_tf.methods.meta import MetaMethod
from fsr_gdw_tf.methods.weight_net import WeightNet


@gin.register
class MWNet(MetaMethod):
    """One weight per example, `[batch, 1]`, from a net that reads the loss.

    weight_net: maps the loss to the weight; None is one with its defaults.
    """

    def __init__(self, weight_net: WeightNet | None = None, **kwargs):
        super().__init__(**kwargs)
        self.weight_net = weight_net or WeightNet()

    def start(self, classifier, batch, logits) -> tf.Tensor:
        omega = self.weight_net.example_weights(batch, logits)
        return self.apply_warmup(classifier, batch, omega)

    def update(self, classifier, batch, logits, result) -> tf.Tensor:
        # The updated net computes the weights again, from the same losses.
        self.weight_net.learn(classifier, result.meta_grads)
        return self.weight_net.example_weights(batch, logits)
