"""FSR: example weights from a dictionary of well-learned training examples.

Zhang & Pfister, "Learning Fast Sample Re-weighting Without Reward Data" (ICCV
2021), https://arxiv.org/abs/2109.03216. The rule is that of the official code,
which made the paper's numbers; it differs from the text: 1/b is subtracted
before clipping (`rule="clip"`; the text's is "clip_paper"), the virtual step
has the momentum and the L2 of the real one, the meta loss has the L2
(`VirtualStep`, `MetaLoss`), and the virtual step is taken in the warm-up too,
as the scores need it. Our deviations: weights are normalised over the global
batch, not over each replica's; if no example of a batch lowers the meta loss,
each gets the weight `fallback` and the step is counted (the code: 0, without a
notice); the reward batch is normalised with moving statistics (the code:
"joint"); members are chosen by the area under the margin (the paper:
"meta_margin", see `Dictionary`). MixUp and re-labelling are separate
regularisers; without them this is FSR-Raw.
"""

import dataclasses

import gin
import keras
import numpy as np
import tensorflow as tf

from fsr_gdw_tf import losses
from fsr_gdw_tf.dictionary import Dictionary
from fsr_gdw_tf.distribution import collectives
from fsr_gdw_tf.errors import INF, InvalidInput, require_range, suggest_names
from fsr_gdw_tf.lookahead import EXACT, OPTIMIZER, VirtualStep
from fsr_gdw_tf.methods.meta import MetaMethod

EPSILON = 1e-5


def clip(gradient: tf.Tensor, n: tf.Tensor) -> tf.Tensor:
    """Return max(0, -gradient): only examples that lower the meta loss."""
    return tf.nn.relu(-gradient)


def clip_paper(gradient: tf.Tensor, n: tf.Tensor) -> tf.Tensor:
    """Return max(0, 1/n - gradient): Eq. 3 with omega >= 0 of Eq. 2."""
    return tf.nn.relu(1.0 / n - gradient)


def shift(gradient: tf.Tensor, n: tf.Tensor) -> tf.Tensor:
    """Return w - min w + 1/n, w = 1/n - gradient: for long tails, all > 0."""
    raw = 1.0 / n - gradient
    return raw - collectives.all_reduce_min(raw) + 1.0 / n


RULES = {rule.__name__: rule for rule in (clip, clip_paper, shift)}


@gin.register
class FSR(MetaMethod):
    """Weights from one step of size one on the meta loss, for each batch.

    rule: "clip" for noisy labels, "shift" for long tails, or "clip_paper".
    smoothing: label smoothing of the training loss.
    fallback: the weight of all examples of a batch in which none lowers the
        meta loss (`fallback_steps` in the logs counts these steps); with 0
        such a step trains on regularisers alone.
    """

    logs_zero_weights = True
    default_virtual_step = VirtualStep(0.1, OPTIMIZER, True, True, EXACT)
    default_meta_loss = dataclasses.replace(
        MetaMethod.default_meta_loss, l2=True
    )

    def __init__(
        self,
        meta: Dictionary | str | None = "dictionary",
        scope: str = "head",
        rule: str = "clip",
        warmup: float = 0.15,
        smoothing: float = 0.0,
        fallback: float = 1.0,
        **kwargs,
    ):
        super().__init__(meta=meta, scope=scope, warmup=warmup, **kwargs)
        if rule not in RULES:
            raise InvalidInput(
                f"no rule {rule!r}: {suggest_names(rule, RULES)}"
            )
        require_range(0, 1, smoothing=smoothing)
        require_range(0, INF, fallback=fallback)
        self.rule, self.smoothing = RULES[rule], smoothing
        self.fallback = fallback
        self.fallback_steps = keras.Variable(
            0.0, trainable=False, aggregation="only_first_replica"
        )

    def objective(self, batch, logits, omega) -> tf.Tensor:
        smooth = losses.smooth_labels(batch["label"], self.smoothing)
        return super().objective({**batch, "label": smooth}, logits, omega)

    def start(self, classifier, batch, logits) -> tf.Tensor:
        # Algorithm 1: each weight is 1/b; here it is n times that.
        return tf.ones_like(logits[:, :1])

    def update(self, classifier, batch, logits, result) -> tf.Tensor:
        n = tf.cast(collectives.global_size(logits), logits.dtype)
        # Eq. 3, a step of size one; the rule keeps it non-negative (Eq. 2).
        # The paper's weights sum to one over a batch, omega sums to n.
        raw = self.rule(n * result.omega_grad, n)
        total = collectives.all_reduce_sum(tf.reduce_sum(raw))
        omega = n * raw / (total + EPSILON)  # Algorithm 1, "Normalize"
        none_helps = total <= 0.0
        count = self.fallback_steps
        count.assign_add(tf.cast(none_helps, count.dtype))
        return tf.where(none_helps, self.fallback * tf.ones_like(raw), omega)

    def epoch_logs(self, source) -> dict[str, float]:
        if source is None:
            return {}
        fallback_steps = float(np.array(self.fallback_steps))
        return super().epoch_logs(source) | {"fallback_steps": fallback_steps}
