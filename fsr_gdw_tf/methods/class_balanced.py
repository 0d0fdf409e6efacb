"""Class-balanced loss: weights by the effective number of examples per class.

Cui et al., "Class-Balanced Loss Based on Effective Number of Samples",
https://arxiv.org/abs/1901.05555, Eq. 10 to 13. The paper has beta = 0.9999 for
long-tailed CIFAR-10 and gamma = 0.5 for iNaturalist. The weights add up to the
number of classes, as in the paper; classes are counted by the given labels,
right or wrong. Deviation: the last layer's biases are initialised by the
network; the paper sets those of the sigmoid forms to the class prior.
"""

import gin
import numpy as np
import tensorflow as tf

from fsr_gdw_tf import losses
from fsr_gdw_tf.errors import INF, InvalidInput, require_range, suggest_names
from fsr_gdw_tf.example_state import class_counts, retrace_if_changed
from fsr_gdw_tf.method import Method

FORMS = ("softmax", "sigmoid", "focal")


def class_weights(counts: np.ndarray, beta: float) -> np.ndarray:
    """Return (1 - beta) / (1 - beta^n) of each class, scaled to mean one."""
    counts = np.asarray(counts, np.float64)
    if beta == 0:
        return np.ones_like(counts)
    # 1 / (1 - beta^n) without cancellation for beta near one.
    raw = -1.0 / np.expm1(np.maximum(counts, 1) * np.log(beta))
    return raw * len(raw) / raw.sum()


@gin.register
class ClassBalanced(Method):
    """A loss multiplied by the weight of the label's class.

    form: "softmax" cross-entropy; "sigmoid", a binary cross-entropy for each
        class; "focal", the same with the factor (1 - p)^gamma.
    """

    def __init__(
        self,
        form: str = "softmax",
        beta: float = 0.9999,
        gamma: float = 0.5,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if form not in FORMS:
            raise InvalidInput(
                f"no form {form!r}: {suggest_names(form, FORMS)}"
            )
        require_range(0, 1, beta=beta)
        require_range(0, INF, gamma=gamma)
        self.form, self.beta = form, beta
        self.gamma = gamma if form == "focal" else 0.0
        self.per_class = None

    def setup(self, classifier, source, pipeline) -> None:
        counts = class_counts("ClassBalanced", source)
        new = class_weights(counts, self.beta)
        self.per_class = retrace_if_changed(classifier, self.per_class, new)

    def objective(self, batch, logits, omega) -> tf.Tensor:
        label = tf.cast(batch["label"], logits.dtype)
        per_class = tf.cast(self.per_class, logits.dtype)
        # Eq. 10 to 13: the loss times (1 - beta) / (1 - beta^n_y).
        weight = tf.reduce_sum(label * per_class, axis=1)
        if self.form == "softmax":
            return weight * losses.cross_entropy(label, logits)
        return weight * losses.sigmoid_focal(label, logits, self.gamma)
