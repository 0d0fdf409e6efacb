"""What all methods that weigh examples share: omega, and books on it."""

import numpy as np
import tensorflow as tf

from fsr_gdw_tf import example_state, losses
from fsr_gdw_tf.distribution import collectives
from fsr_gdw_tf.example_state import example_table, require_same_examples
from fsr_gdw_tf.losses import scale_gradient
from fsr_gdw_tf.method import Method, target_weight, warmup_done
from fsr_gdw_tf.metrics import clean_auroc


class WeighingMethod(Method):
    """`teach` gives omega, weights on the gradient of the logits.

    They are `[batch, 1]`, or `[batch, classes]`; one is plain training.
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.table = None

    def setup(self, classifier, source, pipeline) -> None:
        """Keep each example's last weight."""
        if source is None:
            return
        require_same_examples(self, source)
        if self.table is None:
            self.table = example_table(self, "weight", len(source), 1.0)

    def plain_omega(self, batch, logits) -> tf.Tensor:
        """The omega of plain training."""
        return tf.ones_like(logits[:, :1])

    def apply_warmup(self, classifier, batch, omega) -> tf.Tensor:
        """omega, or the neutral one during the warm-up."""
        if not self.warmup:
            return omega
        over = warmup_done(classifier, self.warmup)
        return tf.where(over, omega, self.plain_omega(batch, omega))

    def objective(self, batch, logits, omega) -> tf.Tensor:
        """Cross-entropy whose gradient on the logits is omega (p - y)."""
        return losses.cross_entropy(
            batch["label"], scale_gradient(logits, omega)
        )

    def loss(self, classifier, batch, logits, omega) -> tf.Tensor:
        """The objective: during the warm-up it is omega that is neutral."""
        return self.objective(batch, logits, omega)

    def observe(self, classifier, batch, logits, omega) -> None:
        """Note each example's weight at its label."""
        if self.table is None or "index" not in batch:
            return
        target = target_weight(omega, batch["label"])
        example_state.scatter_rows(self.table, batch["index"], target)

    def per_example(self, source) -> dict[str, np.ndarray]:
        """The last weight."""
        if self.table is None:
            return {}
        return {"last_weight": np.array(self.table)}

    def report(self, source) -> dict[str, float]:
        """The weights of the last epoch: spread, and what they tell apart."""
        if self.table is None:
            return {}
        return weight_report(np.array(self.table), source)


def mean_one(weights: tf.Tensor) -> tf.Tensor:
    """Weights whose mean over the global batch is one; zeros stay zeros."""
    total = collectives.all_reduce_sum(tf.reduce_sum(weights))
    n = tf.cast(collectives.global_size(weights), weights.dtype)
    return n * tf.math.divide_no_nan(weights, total)


def weight_report(weights: np.ndarray, source) -> dict[str, float]:
    """Mean and spread; by clean and mislabelled where the truth is known."""
    logs = {"weight_mean": weights.mean(), "weight_std": weights.std()}
    auroc = clean_auroc(source, weights)
    if auroc is not None:
        clean = source.labels == source.true_labels
        logs["weight_clean"] = weights[clean].mean()
        logs["weight_mislabelled"] = weights[~clean].mean()
        logs["weight_auroc"] = auroc
    return {name: float(value) for name, value in logs.items()}
