"""INSW: a learned parameter per training example, softmax over the batch.

Hu et al., "Learning Data Manipulation for Augmentation and Weighting",
https://arxiv.org/abs/1910.12795. Deviations: the paper's softmax is used in
the virtual step as well (its code uses the raw parameters there), and the
virtual step is plain SGD like that of the other methods here (its code: Adam).
Rate 1 and decay 10 are the defaults of its code.
"""

import gin
import tensorflow as tf

from fsr_gdw_tf import example_state
from fsr_gdw_tf.distribution import collectives
from fsr_gdw_tf.example_state import example_table, require_indices
from fsr_gdw_tf.methods.meta import MetaMethod


@gin.register
class INSW(MetaMethod):
    """Weights omega = n softmax(phi); phi_i <- phi_i / decay - rate * grad."""

    def __init__(self, rate: float = 1.0, decay: float = 10.0, **kwargs):
        super().__init__(**kwargs)
        self.rate, self.decay = rate, decay
        self.phi = None

    def setup(self, classifier, source, pipeline) -> None:
        require_indices("INSW", source)
        if self.phi is None:
            self.phi = example_table(self, "phi", len(source), 0.0)
        super().setup(classifier, source, pipeline)

    def start(self, classifier, batch, logits) -> tf.Tensor:
        phi = tf.gather(self.phi.value, batch["index"])
        return tf.cast(_softmax(phi), logits.dtype)[:, None]

    def update(self, classifier, batch, logits, result) -> tf.Tensor:
        g = result.omega_grad[:, 0]
        omega = result.omega[:, 0]
        n = tf.cast(collectives.global_size(g), g.dtype)
        mean = collectives.all_reduce_sum(tf.reduce_sum(omega * g)) / n
        # dL/dphi through n softmax(phi): omega_i (g_i - sum_k omega_k g_k / n).
        phi_grad = tf.cast(omega * (g - mean), self.phi.dtype)
        phi = tf.gather(self.phi.value, batch["index"])
        phi = phi / self.decay - self.rate * phi_grad
        example_state.scatter_rows(self.phi, batch["index"], phi)
        return tf.cast(_softmax(phi), logits.dtype)[:, None]


def _softmax(phi: tf.Tensor) -> tf.Tensor:
    """Return n softmax(phi) over the global batch, with mean one."""
    exp = tf.exp(phi)
    n = tf.cast(collectives.global_size(phi), phi.dtype)
    return n * exp / collectives.all_reduce_sum(tf.reduce_sum(exp))
