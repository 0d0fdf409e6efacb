"""PENCIL: label distributions learned together with the network.

Yi & Wu, "Probabilistic End-to-end Noise Correction for Learning with Noisy
Labels", https://arxiv.org/abs/1903.07788. Rules and phases (70, 130 and 120 of
320 epochs) are those of the authors' code, in which the compatibility loss is a
cross-entropy of probabilities that are taken for logits; alpha, beta and the
rate are those that re-implementations list for CIFAR-10 with 30 % noise
(CIFAR-100: .1, .4 and 1000). Deviation: one schedule of the learning rate for
all phases; the authors raise it again for the last.
"""

import gin
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
    """Plain training; labels y = softmax(l) learn, too; y stays as it is.

    alpha, beta: weights of the compatibility with the given label, and of the
        entropy of predictions.
    rate: lambda, of the labels.
    scale: K; l starts at K times the given label.
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
                f"labels learn from warmup={warmup} to fix={fix}: never; take "
                "a later fix"
            )
        self.alpha, self.beta, self.rate = alpha, beta, rate
        self.scale, self.fix = scale, fix
        self.label_table = None

    def setup(self, classifier, source, pipeline) -> None:
        self.label_table = setup_label_table(
            self, classifier, source, self.scale
        )

    def learning(self, classifier) -> tf.Tensor:
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
        return entropy_penalty(logits, self.beta, self.learning(classifier))

    def observe(self, classifier, batch, logits, omega) -> None:
        # In the second phase labels take a step down the same loss.
        rows = self.label_table.rows(batch)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(rows)
            y = tf.cast(tf.nn.softmax(rows), logits.dtype)
            loss = self.objective(batch, logits, y)
            loss += self.alpha * losses.cross_entropy(batch["label"], y)
        n = tf.cast(collectives.global_size(rows), rows.dtype)
        step = self.rate / n * tape.gradient(loss, rows)
        moved = tf.where(self.learning(classifier), rows - step, rows)
        self.label_table.write(batch, moved)
