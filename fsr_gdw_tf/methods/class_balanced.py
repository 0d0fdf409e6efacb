"""Class-balanced loss: classes weighed by their effective number of examples.

Cui et al., "Class-Balanced Loss Based on Effective Number of Samples",
https://arxiv.org/abs/1901.05555, Eq. 10 to 13. beta = 0.9999 is the paper's
for long-tailed CIFAR-10, gamma = 0.5 its for iNaturalist. The weights add up to
the number of classes, as in the paper; counts are those of the given labels,
right or wrong. Deviation: the biases of the last layer are the network's own,
where the paper starts those of the sigmoid forms at the prior of a class.
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
    """(1 - beta) / (1 - beta^n) of each class, with mean one.

    Written so that it holds for beta near one: there it is 1 / n.
    """
    counts = np.asarray(counts, np.float64)
    if beta == 0:
        return np.ones_like(counts)
    raw = -1.0 / np.expm1(np.maximum(counts, 1) * np.log(beta))
    return raw * len(raw) / raw.sum()


@gin.register
class ClassBalanced(Method):
    """A loss times the weight of the label's class.

    form: "softmax" cross-entropy; "sigmoid" cross-entropy, a yes or no for
        each class; "focal", the same with (1 - p)^gamma.
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
        found = class_weights(counts, self.beta)
        self.per_class = retrace_if_changed(classifier, self.per_class, found)

    def objective(self, batch, logits, omega) -> tf.Tensor:
        label = tf.cast(batch["label"], logits.dtype)
        per_class = tf.cast(self.per_class, logits.dtype)
        weight = tf.reduce_sum(label * per_class, axis=1)
        if self.form == "softmax":
            return weight * losses.cross_entropy(label, logits)
        return weight * losses.sigmoid_focal(label, logits, self.gamma)
