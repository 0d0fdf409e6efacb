"""Plain training with cross-entropy, and label smoothing.

Label smoothing: Szegedy et al., "Rethinking the Inception Architecture for
Computer Vision", https://arxiv.org/abs/1512.00567, section 7.
No deviations.
"""

import gin
import tensorflow as tf

from fsr_gdw_tf import losses
from fsr_gdw_tf.errors import require_range
from fsr_gdw_tf.method import Method


@gin.register
class Supervised(Method):
    """Cross-entropy with equal weights: the baseline of all other methods."""

    def __init__(self, smoothing: float = 0.0, **kwargs):
        super().__init__(**kwargs)
        require_range(0, 1, smoothing=smoothing)
        self.smoothing = smoothing

    def objective(self, batch, logits, omega) -> tf.Tensor:
        labels = losses.smooth_labels(batch["label"], self.smoothing)
        return losses.cross_entropy(labels, logits)
