"""PENCIL: label distributions learned together with the network.

Yi & Wu, "Probabilistic End-to-end Noise Correction for Learning with Noisy
Labels", https://arxiv.org/abs/1903.07788. Rules and phases (70, 130 and 120 of
320 epochs) are those of the authors' code, in which the compatibility loss is a
cross-entropy that takes probabilities for logits; alpha, beta and the rate are
those that re-implementations list for CIFAR-10 with 30 % noise (CIFAR-100: .1,
.4 and 1000). Deviation: one learning-rate schedule for all phases; the authors
raise the rate again for the last phase.
"""

import gin
import keras
import tensorflow as tf

from fsr_gdw_tf import losses
from fsr_gdw_tf.distribution import collectives
from fsr_gdw_tf.errors import INF, InvalidInput, require_range
from fsr_gdw_tf.method import Method, warmup_done
from fsr_gdw_tf.methods.learned_labels import (
    divergence,
    entropy_penalty,
    setup_label_table,
)


@gin.register
class PENCIL(Method):
    """Plain training, then learned labels softmax(l), then these labels fixed.

    alpha, beta: weights of the compatibility with the given label, and of the
        predictions' entropy.
    rate: learning rate of l, lambda of the paper.
    scale: K of the paper; l starts at K times the given label.
    warmup, fix: where the second and third phase begin, in epochs, or below 1
        as a share of all.
    """

    def __init__(
        self,
        alpha: float = 0.1,
        beta: float = 0.8,
        rate: float = 300.0,
        scale: float = 10.0,
        warmup: float = 70 / 320,
        fix: float = 200 / 320,
        **kwargs,
    ):
        super().__init__(warmup, **kwargs)
        require_range(
            0, INF, alpha=alpha, beta=beta, rate=rate, scale=scale, fix=fix
        )
        if (warmup < 1) == (fix < 1) and fix <= warmup:
            raise InvalidInput(
                f"labels are learned from warmup={warmup} to fix={fix}: never; "
                "take a later fix"
            )
        self.alpha, self.beta, self.rate = alpha, beta, rate
        self.scale, self.fix = scale, fix
        self.label_table = None

    def setup(self, classifier, source, pipeline) -> None:
        self.label_table = setup_label_table(
            self, classifier, source, self.scale
        )

    def labels_learn(self, classifier: keras.Model) -> tf.Tensor:
        """Return whether the second phase is under way."""
        return warmup_done(classifier, self.warmup) & ~warmup_done(
            classifier, self.fix
        )

    def compute_omega(self, classifier, batch, forward) -> tf.Tensor:
        rows = self.label_table.rows(batch)
        return tf.cast(tf.nn.softmax(rows), forward.logits.dtype)

    def objective(self, batch, logits, omega) -> tf.Tensor:
        return divergence(logits, omega)

    def penalty(self, classifier, batch, logits) -> tf.Tensor:
        # beta H(p) / C, in the second phase.
        active = self.labels_learn(classifier)
        return entropy_penalty(logits, self.beta, active)

    def observe(self, classifier, batch, logits, omega) -> None:
        # In the second phase l takes a gradient step on the same loss, plus
        # alpha times the compatibility of y with the given label.
        rows = self.label_table.rows(batch)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(rows)
            y = tf.cast(tf.nn.softmax(rows), logits.dtype)
            loss = self.objective(batch, logits, y)
            loss += self.alpha * losses.cross_entropy(batch["label"], y)
        n = tf.cast(collectives.global_size(rows), rows.dtype)
        step = self.rate / n * tape.gradient(loss, rows)
        active = self.labels_learn(classifier)
        self.label_table.write(batch, tf.where(active, rows - step, rows))
