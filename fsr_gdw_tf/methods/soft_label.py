"""Soft-label: a soft label per example, learned from the meta loss.

Vyas et al., "Learning Soft Labels via Meta Learning",
https://arxiv.org/abs/2009.09496, the row "Soft-label" of GDW's tables: labels
are parameters, moved by the gradient of the meta loss after a virtual step.
The authors published no code. Ours: labels start as given; a label's step is
taken on the loss of its example alone (not on the example's share of the batch)
and ends at the nearest probabilities; the rate was chosen on digits.
"""

import gin
import tensorflow as tf

from fsr_gdw_tf import losses
from fsr_gdw_tf.distribution import collectives
from fsr_gdw_tf.errors import INF, require_range
from fsr_gdw_tf.methods.learned_labels import setup_label_table
from fsr_gdw_tf.methods.meta import MetaMethod


@gin.register
class SoftLabel(MetaMethod):
    """Labels omega, trained by gradient descent on the meta loss.

    rate: the learning rate of the labels; 0 is plain training.
    """

    def __init__(self, rate: float = 1.0, **kwargs):
        super().__init__(**kwargs)
        require_range(0, INF, rate=rate)
        self.rate, self.label_table = rate, None

    def setup(self, classifier, source, pipeline) -> None:
        self.label_table = setup_label_table(self, classifier, source)
        super().setup(classifier, source, pipeline)

    def plain_omega(self, batch, logits) -> tf.Tensor:
        return tf.cast(batch["label"], logits.dtype)

    def start(self, classifier, batch, logits) -> tf.Tensor:
        omega = tf.cast(self.label_table.rows(batch), logits.dtype)
        return self.apply_warmup(classifier, batch, omega)

    def update(self, classifier, batch, logits, result) -> tf.Tensor:
        n = tf.cast(collectives.global_size(logits), logits.dtype)
        # The objective is a mean over the batch, so n times the gradient.
        omega = result.omega - self.rate * n * result.omega_grad
        omega = self.apply_warmup(classifier, batch, nearest_probs(omega))
        self.label_table.write(batch, omega)
        return omega

    def objective(self, batch, logits, omega) -> tf.Tensor:
        return losses.cross_entropy(omega, logits)


def nearest_probs(rows: tf.Tensor) -> tf.Tensor:
    """Project each row onto the simplex: max(row - t, 0), with the sum 1."""
    ordered = tf.sort(rows, axis=1, direction="DESCENDING")
    count = tf.range(1, tf.shape(rows)[1] + 1, dtype="int32")
    excess = (tf.cumsum(ordered, axis=1) - 1.0) / tf.cast(count, rows.dtype)
    # t is the excess of the largest entries, as many as stay positive.
    n_positive = tf.reduce_sum(tf.cast(ordered > excess, "int32"), axis=1)
    t = tf.gather(excess, n_positive - 1, axis=1, batch_dims=1)
    return tf.nn.relu(rows - t[:, None])
