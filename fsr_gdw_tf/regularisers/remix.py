"""Remix: MixUp whose labels favour the smaller class.

Chou et al., "Remix: Rebalanced Mixup", https://arxiv.org/abs/2007.03943, with
kappa = 3, tau = 0.5 and a Beta(1, 1), as others cite them from the paper (its
authors published no code). Deviations are those of `MixUp`: a coefficient per
example, at least 1/2.
"""

import gin
import tensorflow as tf

from fsr_gdw_tf.errors import INF, require_range
from fsr_gdw_tf.example_state import class_counts, retrace_if_changed
from fsr_gdw_tf.regularisers.mixup import MixUp


@gin.register
class Remix(MixUp):
    """MixUp with the label of the smaller class, if that is far smaller.

    kappa: the ratio of class sizes from which on a class is far smaller.
    tau: the label changes only if the smaller class's image has more than the
        share 1 - tau of the mixture.
    """

    def __init__(
        self,
        kappa: float = 3.0,
        tau: float = 0.5,
        law: str = "beta",
        alpha: float = 1.0,
        **kwargs,
    ):
        super().__init__(law, alpha, **kwargs)
        require_range(1, INF, kappa=kappa)
        require_range(0, 1 + 1e-9, tau=tau)
        self.kappa, self.tau = kappa, tau
        self.counts = None

    def setup(self, classifier, source, pipeline) -> None:
        super().setup(classifier, source, pipeline)
        counts = class_counts("Remix", source)
        self.counts = retrace_if_changed(classifier, self.counts, counts)

    def label_share(self, label, partner, share) -> tf.Tensor:
        # 1 or 0 where one class is far smaller than the other.
        counts = tf.constant(self.counts, label.dtype)
        size = tf.linalg.matvec(label, counts)
        ratio = size / tf.gather(size, partner)
        take_own = (ratio <= 1.0 / self.kappa) & (1.0 - share < self.tau)
        take_other = (ratio >= self.kappa) & (share < self.tau)
        one, zero = tf.ones_like(share), tf.zeros_like(share)
        return tf.where(take_own, one, tf.where(take_other, zero, share))
