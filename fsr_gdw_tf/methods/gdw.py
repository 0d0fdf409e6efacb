"""GDW: one weight per example and class, on the gradient of the logits.

Chen et al., "Generalized Data Weighting via Class-Level Gradient Manipulation"
(NeurIPS 2021). The rule is that of the official code, which made the paper's
numbers; it differs from the text: the update of Eq. 11 is divided by the sum
of |g| over the batch and clipped, omega is kept in [floor, ceiling], p is
capped, and the zero-mean constraint holds at both stages. Our deviation: a
meta-gradient of zero leaves the weights unchanged (the code gives NaN).
"""

import gin
import tensorflow as tf

from fsr_gdw_tf import losses
from fsr_gdw_tf.distribution import collectives
from fsr_gdw_tf.method import Batch
from fsr_gdw_tf.methods.meta import MetaMethod
from fsr_gdw_tf.methods.weight_net import WeightNet


@gin.register
class GDW(MetaMethod):
    """Weights in two stages: a net's per example, then a step per class.

    outer_rate: eta_omega of Eq. 11, 100 on CIFAR-10 and 1000 on CIFAR-100. The
        mean |update| is outer_rate / (batch * classes), .1 in both cases; None
        is the rate for which it is .1.
    clip, floor, ceiling: the largest |update|; the bounds of omega.
    zero_mean: the constraint of Eq. 4; False is the paper's ablation.
    weight_net: the net of stage one; None is one with its defaults.
    """

    def __init__(
        self,
        outer_rate: float | None = None,
        clip: float = 0.2,
        floor: float = 1e-6,
        ceiling: float = 1e6,
        zero_mean: bool = True,
        weight_net: WeightNet | None = None,
        **kwargs,
    ):
        kwargs.setdefault("cap", 0.999)
        super().__init__(**kwargs)
        self.outer_rate, self.clip = outer_rate, clip
        self.floor, self.ceiling = floor, ceiling
        self.zero_mean = zero_mean
        self.weight_net = weight_net or WeightNet()

    def start(self, classifier, batch, logits) -> tf.Tensor:
        # Stage one: the net's weight, repeated for each class.
        omega = self.weight_net.example_weights(batch, logits)
        omega = tf.repeat(omega, logits.shape[-1], axis=1)
        omega = self.constrain(omega, batch, logits)
        return self.apply_warmup(classifier, batch, omega)

    def update(self, classifier, batch, logits, result) -> tf.Tensor:
        # Stage two: Eq. 10 for the net, Eq. 11 for omega, then Eq. 4.
        self.weight_net.learn(classifier, result.meta_grads)
        step = self.class_update(result.omega_grad)
        omega = tf.clip_by_value(result.omega - step, self.floor, self.ceiling)
        return self.constrain(omega, batch, logits)

    def class_update(self, g: tf.Tensor) -> tf.Tensor:
        """Return the step of Eq. 11: eta_omega g / sum |g|, clipped."""
        norm = collectives.all_reduce_sum(tf.reduce_sum(tf.abs(g)))
        entries = g.shape[-1] * collectives.global_size(g)
        rate = self.outer_rate
        rate = 0.1 * tf.cast(entries, g.dtype) if rate is None else rate
        return tf.clip_by_value(
            tf.math.divide_no_nan(rate * g, norm), -self.clip, self.clip
        )

    def constrain(
        self, omega: tf.Tensor, batch: Batch, logits: tf.Tensor
    ) -> tf.Tensor:
        """Apply the zero-mean constraint of Eq. 4, if it is on."""
        if not self.zero_mean:
            return omega
        probs = tf.stop_gradient(losses.capped_probs(logits, self.cap))
        return zero_mean(omega, tf.cast(batch["label"], omega.dtype), probs)


def zero_mean(
    omega: tf.Tensor, label: tf.Tensor, probs: tf.Tensor
) -> tf.Tensor:
    """Return omega with omega_t = sum_{j != t} omega_j p_j / (1 - p_t), Eq. 4.

    The classes of a mixed label share one weight: t is then a set, p_t its
    probability. (A weight for each alone would divide by y_j - p_j.)
    """
    target = tf.cast(label > 0.0, omega.dtype)
    other = 1.0 - target
    weighted = tf.reduce_sum(omega * probs * other, axis=1, keepdims=True)
    p_t = tf.reduce_sum(probs * target, axis=1, keepdims=True)
    p_other = tf.reduce_sum(probs * other, axis=1, keepdims=True)
    # These differ where p is capped, and by rounding where p_t is near one.
    p_other = tf.maximum(1.0 - p_t, p_other)
    return omega * other + target * tf.math.divide_no_nan(weighted, p_other)
