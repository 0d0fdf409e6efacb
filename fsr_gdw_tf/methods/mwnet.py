"""MWNet: a small network maps the loss of an example to its weight.

Shu et al., "Meta-Weight-Net: Learning an Explicit Mapping For Sample
Weighting", https://arxiv.org/abs/1902.07379. Deviations: none with cap=1.0,
the rule of the MWNet repository (no normalisation of the weights over the
batch). cap=0.999 is the variant of the GDW repository, which made the MWNet
rows of its tables.
"""

import gin
import tensorflow as tf

from fsr_gdw_tf.methods.weight_net import WeightNetMethod


@gin.register
class MWNet(WeightNetMethod):
    """One weight per example, `[batch, 1]`."""

    def start(self, classifier, batch, logits) -> tf.Tensor:
        """The net before this step."""
        return self.apply_warmup(
            classifier, batch, self.instance_weights(batch, logits)
        )

    def update(self, classifier, batch, logits, result) -> tf.Tensor:
        """The net moves, and weighs the same losses again."""
        self.learn(classifier, result.meta_grads)
        return self.apply_warmup(
            classifier, batch, self.instance_weights(batch, logits)
        )
