"""FSR: example weights from a dictionary of well-learned training examples.

Zhang & Pfister, "Learning Fast Sample Re-weighting Without Reward Data" (ICCV
2021), https://arxiv.org/abs/2109.03216. The rule is that of the official code,
which made the paper's numbers; it differs from the text: 1/b is taken off
before clipping (`rule="clip"`; the text's is "clip_paper"), the virtual step
has the momentum and the L2 of the real one (`virtual_momentum`, `virtual_l2`,
`meta_l2`), and the weights are learned, for the scores' sake, in the warm-up
too. Our deviations: weights are normalised over the global batch, not over
each replica's; when no example of a batch helps, each weighs `fallback` and
the step is counted (the code: 0, silently); the reward batch is normalised
with moving statistics (the code: "joint"); members are chosen by the area
under the margin (the paper: "meta_margin", see `Dictionary`). MixUp and
re-labelling are regularisers of their own; without them this is FSR-Raw.
"""

import gin
import keras
import numpy as np
import tensorflow as tf

from fsr_gdw_tf import losses
from fsr_gdw_tf.dictionary import Dictionary
from fsr_gdw_tf.distribution import collectives
from fsr_gdw_tf.errors import INF, InvalidInput, require_range, suggest_names
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
    fallback: every weight when no example helps; 0 leaves the step out.
    """

    def __init__(
        self,
        meta="dictionary",
        scope: str = "head",
        rule: str = "clip",
        virtual_rate: float | None = 0.1,
        virtual_momentum: bool | None = None,
        virtual_l2: bool = True,
        meta_l2: bool = True,
        warmup: float = 0.15,
        smoothing: float = 0.0,
        fallback: float = 1.0,
        **kwargs,
    ):
        super().__init__(
            meta=meta,
            scope=scope,
            virtual_rate=virtual_rate,
            virtual_momentum=virtual_momentum,
            virtual_l2=virtual_l2,
            meta_l2=meta_l2,
            warmup=warmup,
            **kwargs,
        )
        if rule not in RULES:
            raise InvalidInput(
                f"no rule {rule!r}: {suggest_names(rule, RULES)}"
            )
        require_range(0, 1, smoothing=smoothing)
        require_range(0, INF, fallback=fallback)
        self.rule, self.smoothing = RULES[rule], smoothing
        self.fallback = fallback
        self.helpless = keras.Variable(
            0.0, trainable=False, aggregation="only_first_replica"
        )

    def objective(self, batch, logits, omega) -> tf.Tensor:
        """Weighted cross-entropy with the (smoothed) label."""
        smooth = losses.smooth_labels(batch["label"], self.smoothing)
        return super().objective({**batch, "label": smooth}, logits, omega)

    def start(self, classifier, batch, logits) -> tf.Tensor:
        """One; in the paper's terms each weight is 1/b."""
        return tf.ones_like(logits[:, :1])

    def update(self, classifier, batch, logits, result) -> tf.Tensor:
        """Eq. 2 and 3: one step, clipped or shifted, then normalised."""
        n = tf.cast(collectives.global_size(logits), logits.dtype)
        u = self.rule(n * result.omega_grad, n)  # our omega is n w
        total = collectives.all_reduce_sum(tf.reduce_sum(u))
        omega = n * u / (total + EPSILON)
        none_helps = total <= 0.0
        self.helpless.assign_add(tf.cast(none_helps, self.helpless.dtype))
        omega = tf.where(none_helps, self.fallback * tf.ones_like(u), omega)
        return self.apply_warmup(classifier, batch, omega)

    def report(self, source) -> dict[str, float]:
        """Also the share of zero weights, and how often no example helped."""
        logs = super().report(source)
        if logs:
            logs["weight_zero"] = float(np.mean(np.array(self.table) == 0))
            logs["helpless_steps"] = float(np.array(self.helpless))
        return logs


def complete(features: keras.Model, extras=None) -> tuple[FSR, list]:
    """FSR as a whole: with MixUp, where inputs can be mixed, and Relabel."""
    if extras is None:
        extras = [*([MixUp()] if mixable(features) else []), Relabel()]
    # The cheaper features are good enough with MixUp, and only with it.
    mixed = any(isinstance(part, MixUp) for part in extras)
    return FSR(Dictionary(features="bank" if mixed else "fresh")), extras
