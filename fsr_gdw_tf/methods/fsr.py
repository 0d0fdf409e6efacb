"""FSR: example weights from a dictionary of well-learned training examples.

Zhang & Pfister, "Learning Fast Sample Re-weighting Without Reward Data" (ICCV
2021), https://arxiv.org/abs/2109.03216. The rule is that of the official code,
which made the paper's numbers; it differs from the text: 1/b is taken off
before clipping (`rule="clip"`; the text's is "clip_paper"), the virtual step
has the momentum and the L2 of the real one, the meta loss has the L2
(`VirtualStep`, `MetaLoss`), and the virtual step is taken in the warm-up too,
as the scores need it. Our deviations: weights are normalised over the global
batch, not over each replica's; when no example of a batch helps, each gets the
weight `fallback` and the step is counted (the code: 0, silently); the reward
batch is normalised with moving statistics (the code: "joint"); members are
chosen by the area under the margin (the paper: "meta_margin", see
`Dictionary`). MixUp and re-labelling are regularisers of their own; without
them this is FSR-Raw.
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
from fsr_gdw_tf.lookahead import OPTIMIZER, VirtualStep
from fsr_gdw_tf.methods.meta import MetaMethod
from fsr_gdw_tf.regularisers.mixup import MixUp, mixable
from fsr_gdw_tf.regularisers.relabel import Relabel

EPSILON = 1e-5


def clip(slope: tf.Tensor, n: tf.Tensor) -> tf.Tensor:
    """max(0, -slope): only examples that help."""
    return tf.nn.relu(-slope)


def clip_paper(slope: tf.Tensor, n: tf.Tensor) -> tf.Tensor:
    """max(0, 1/n - slope): Eq. 2 as printed."""
    return tf.nn.relu(1.0 / n - slope)


def shift(slope: tf.Tensor, n: tf.Tensor) -> tf.Tensor:
    """w - min w + 1/n with w = 1/n - slope: for long tails, none is zero."""
    raw = 1.0 / n - slope
    return raw - collectives.all_reduce_min(raw) + 1.0 / n


RULES = {rule.__name__: rule for rule in (clip, clip_paper, shift)}


@gin.register
class FSR(MetaMethod):
    """A step of size one on the weights, anew for each batch.

    rule: "clip" for noisy labels, "shift" for long tails, or "clip_paper".
    smoothing: label smoothing of the training loss.
    fallback: every weight when no example helps (`fallback_steps` in the logs
        counts these steps); 0 leaves the step out.
    """

    logs_zero_weights = True
    default_virtual_step = VirtualStep(0.1, OPTIMIZER, True, True)
    default_meta_loss = dataclasses.replace(
        MetaMethod.default_meta_loss, l2=True
    )

    def __init__(
        self,
        meta="dictionary",
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
        # In the paper's terms each weight is 1/b.
        return tf.ones_like(logits[:, :1])

    def update(self, classifier, batch, logits, result) -> tf.Tensor:
        n = tf.cast(collectives.global_size(logits), logits.dtype)
        # Eq. 2: one step, clipped or shifted; our omega is n w.
        u = self.rule(n * result.omega_grad, n)
        total = collectives.all_reduce_sum(tf.reduce_sum(u))
        omega = n * u / (total + EPSILON)  # Eq. 3
        none_helps = total <= 0.0
        count = self.fallback_steps
        count.assign_add(tf.cast(none_helps, count.dtype))
        return tf.where(none_helps, self.fallback * tf.ones_like(u), omega)

    def epoch_logs(self, source) -> dict[str, float]:
        if source is None:
            return {}
        fallback_steps = float(np.array(self.fallback_steps))
        return super().epoch_logs(source) | {"fallback_steps": fallback_steps}


def with_regularisers(
    features: keras.Model, regularisers: list | None = None
) -> tuple[FSR, list]:
    """Build FSR with MixUp, where inputs can be mixed, and re-labelling."""
    if regularisers is None:
        mixup = [MixUp()] if mixable(features) else []
        regularisers = [*mixup, Relabel()]
    # Features of the bank are good enough with MixUp, and only with it.
    mixed = any(isinstance(r, MixUp) for r in regularisers)
    dictionary = Dictionary(features="bank" if mixed else "fresh")
    return FSR(dictionary), regularisers
