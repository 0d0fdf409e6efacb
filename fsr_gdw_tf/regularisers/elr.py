"""Early-learning regularisation: stay close to earlier predictions.

Liu et al., "Early-Learning Regularization Prevents Memorization of Noisy
Labels", https://arxiv.org/abs/2007.00151, Eq. 6 and 9. weight = 3 and
decay = 0.7 are the paper's for CIFAR-10, 7 and 0.9 for CIFAR-100. As in the
authors' code the target includes the newest prediction before it is used, and
probabilities are clipped away from 0 and 1. No deviations; ELR+, with two
networks and MixUp, is another method.
"""

import gin
import tensorflow as tf

from fsr_gdw_tf import example_state
from fsr_gdw_tf.errors import INF, require_range
from fsr_gdw_tf.example_state import (
    example_table,
    require_indices,
    require_same_examples,
)
from fsr_gdw_tf.method import Batch, Regulariser

EPSILON = 1e-4  # probabilities are clipped to [EPSILON, 1 - EPSILON]


@gin.register
class ELR(Regulariser):
    """The penalty weight * log(1 - <p, t>), t an average of predictions."""

    def __init__(self, weight: float = 3.0, decay: float = 0.7, **kwargs):
        super().__init__(**kwargs)
        require_range(0, INF, weight=weight)
        require_range(0, 1, decay=decay)
        self.weight, self.decay = weight, decay
        self.table = None

    def setup(self, classifier, source, pipeline) -> None:
        require_indices("ELR", source)
        require_same_examples(self, source)
        if self.table is None:
            self.table = example_table(
                self, "targets", len(source), 0.0, classifier.classes
            )

    def targets(self, batch: Batch, logits: tf.Tensor) -> tf.Tensor:
        """Return the moving average, with the newest prediction: Eq. 9."""
        probs = tf.stop_gradient(_probs(logits))
        probs /= tf.reduce_sum(probs, axis=1, keepdims=True)
        old = tf.gather(self.table.value, batch["index"])
        old = tf.cast(old, probs.dtype)
        return self.decay * old + (1.0 - self.decay) * probs

    def penalty(self, classifier, batch, logits) -> tf.Tensor:
        # Eq. 6: the lower, the more prediction and target agree.
        product = self.targets(batch, logits) * _probs(logits)
        return self.weight * tf.math.log1p(-tf.reduce_sum(product, axis=1))

    def observe(self, classifier, batch, logits, omega) -> None:
        rows = self.targets(batch, logits)
        example_state.scatter_rows(self.table, batch["index"], rows)


def _probs(logits: tf.Tensor) -> tf.Tensor:
    return tf.clip_by_value(tf.nn.softmax(logits), EPSILON, 1.0 - EPSILON)
