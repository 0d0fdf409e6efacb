"""Momentum re-labelling: pseudo-labels of FSR from stored predictions.

Zhang & Pfister, section 4.3. The rule is that of the official code: a moving
average of logits, scaled to a root mean square of one over the batch, 90 % of
it the newest prediction. `memory="probs"` is the text: a moving average of
predicted probabilities. With MixUp the prediction is that of the mixed example,
as in the code (the text mixes for the other loss only). Our deviations: the
scale is that of the global batch, and with many classes the table can be
limited to the `top` classes of each example.
"""

from collections.abc import Callable

import gin
import numpy as np
import tensorflow as tf

from fsr_gdw_tf import example_state, losses
from fsr_gdw_tf.data.source import Source
from fsr_gdw_tf.distribution import collectives
from fsr_gdw_tf.errors import INF, InvalidInput, require_range, suggest_names
from fsr_gdw_tf.example_state import (
    dense_rows,
    example_table,
    require_indices,
    require_same_examples,
)
from fsr_gdw_tf.method import Regulariser, warmup_done
from fsr_gdw_tf.metrics import clean_auroc

MEMORIES = ("logits", "probs")
ABSENT = -1e9  # the logit of a class that is not stored


@gin.register
class Relabel(Regulariser):
    """The penalty weight * cross-entropy with the average past prediction.

    weight: p of the paper: 2, on WebVision 1.
    decay: beta of the paper, the share of past predictions; .1.
    warmup: epochs, or below 1 their share of all, that record predictions
        without a penalty.
    memory: what is averaged, "logits" or "probs".
    top: how many classes per example are stored; None is all of them.
    """

    def __init__(
        self,
        weight: float = 2.0,
        decay: float = 0.1,
        warmup: float = 0.15,
        memory: str = "logits",
        top: int | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if memory not in MEMORIES:
            raise InvalidInput(
                f"no memory {memory!r}: {suggest_names(memory, MEMORIES)}"
            )
        require_range(0, INF, weight=weight, warmup=warmup)
        require_range(0, 1, decay=decay)
        self.weight, self.decay, self.warmup = weight, decay, warmup
        self.memory, self.top = memory, top
        self.values = self.top_classes = None

    def setup(self, classifier, source, pipeline) -> None:
        require_indices("Relabel", source)
        n, classes = len(source), classifier.classes
        require_same_examples(self, source)
        if self.values is not None:
            return
        if self.top is not None and not 0 < self.top <= classes:
            raise InvalidInput(f"top must be in 1 to {classes}, got {self.top}")
        # Four bytes for a value, eight for its class.
        top10_gib = (4 + 8) * 10 * n / 2**30
        self.values = example_table(
            self,
            "predictions",
            n,
            0.0,
            self.top or classes,
            remedy=f"store ten classes of each (top=10: {top10_gib:.2g} GiB), "
            "or leave Relabel out",
        )
        if self.top:
            self.top_classes = example_table(
                self, "classes", n, -1, self.top, dtype="int64"
            )

    def averages(self, index: tf.Tensor, classes: int) -> tf.Tensor:
        """Return the examples' average predictions, `[batch, classes]`."""
        values = tf.gather(self.values.value, index)
        if not self.top:
            return values
        top = tf.gather(self.top_classes.value, index)
        dense = dense_rows(values, top, classes)
        is_stored = dense_rows(tf.ones_like(values), top, classes) > 0
        absent = ABSENT if self.memory == "logits" else 0.0
        return tf.where(is_stored, dense, tf.cast(absent, dense.dtype))

    def scale(
        self,
        averages: tf.Tensor,
        global_sum: Callable = collectives.all_reduce_sum,
    ) -> tf.Tensor:
        """Scale logits to a root mean square of one over the global batch."""
        if self.memory == "probs":
            return averages
        is_stored = averages > ABSENT / 2
        squares = tf.reduce_sum(tf.where(is_stored, averages**2, 0.0))
        count = tf.reduce_sum(tf.cast(is_stored, averages.dtype))
        squares, count = global_sum(squares), global_sum(count)
        rms = tf.sqrt(tf.math.divide_no_nan(squares, count) + 1e-8)
        return tf.where(is_stored, averages / rms, averages)

    def pseudo_labels(
        self,
        averages: tf.Tensor,
        global_sum: Callable = collectives.all_reduce_sum,
    ) -> tf.Tensor:
        """Return the probabilities that average predictions stand for."""
        averages = self.scale(averages, global_sum)
        if self.memory == "logits":
            return tf.nn.softmax(averages)
        # At the first visit all are zero: no label, so no penalty.
        total = tf.reduce_sum(averages, axis=1, keepdims=True)
        return tf.math.divide_no_nan(averages, total)

    def penalty(self, classifier, batch, logits) -> tf.Tensor:
        # Section 4.3: p times the cross-entropy with the pseudo-label.
        averages = self.averages(batch["index"], classifier.classes)
        label = self.pseudo_labels(averages)
        label = tf.stop_gradient(tf.cast(label, logits.dtype))
        weight = tf.where(
            warmup_done(classifier, self.warmup), self.weight, 0.0
        )
        loss = losses.cross_entropy(label, logits)
        return tf.cast(weight, logits.dtype) * loss

    def observe(self, classifier, batch, logits, omega) -> None:
        # Section 4.3: beta old + (1 - beta) new.
        old = self.scale(self.averages(batch["index"], classifier.classes))
        new = tf.nn.softmax(logits) if self.memory == "probs" else logits
        new = tf.cast(new, old.dtype)
        old = tf.where(old > ABSENT / 2, old, 0.0)
        new = self.decay * old + (1.0 - self.decay) * new
        if self.top:
            new, classes = tf.math.top_k(new, self.top)
            example_state.scatter_rows(
                self.top_classes, batch["index"], classes
            )
        example_state.scatter_rows(self.values, batch["index"], new)

    def epoch_logs(self, source) -> dict[str, float]:
        if self.values is None or source.true_labels is None:
            return {}
        auroc = clean_auroc(source, self.label_probability(source))
        return {} if auroc is None else {"relabel_auroc": auroc}

    def label_probability(
        self, source: Source, chunk: int = 10_000
    ) -> np.ndarray:
        """Return each given label's probability in its pseudo-label."""
        parts = []
        for start in range(0, len(source), chunk):
            index = np.arange(start, min(start + chunk, len(source)))
            averages = self.averages(index, source.classes)
            # Outside of a step there are no other replicas to sum over.
            probs = self.pseudo_labels(averages, global_sum=tf.identity).numpy()
            parts.append(probs[np.arange(len(index)), source.labels[index]])
        return np.concatenate(parts)
