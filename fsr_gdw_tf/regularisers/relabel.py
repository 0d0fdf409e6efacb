"""Momentum re-labelling: FSR's second target, a memory of predictions.

Zhang & Pfister, section 4.3. The rule is that of the official code: a table of
logits, scaled to a root mean square of one over the batch, 90 % of it the
newest prediction. `memory="probs"` is the text: a moving average of predicted
probabilities. With MixUp it is the mixed example that is predicted, as in the
code (the text mixes for the other loss only). Our deviations: a batch's scale
is that of the global batch, and the table can be cut to the `top` classes of
each example when there are many.
"""

import gin
import numpy as np
import tensorflow as tf

from fsr_gdw_tf import example_state, losses
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
ABSENT = -1e9  # the logit of a class that is not among the top


@gin.register
class Relabel(Regulariser):
    """Adds weight * cross-entropy with what was predicted before.

    weight: p of the paper: 2, on WebVision 1.
    decay: beta of the paper, the share of the past; .1.
    warmup: epochs, or below 1 their share of all, in which it only watches.
    memory: "logits" or "probs".
    top: how many classes per example are kept; None is all of them.
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
        self.values = self.places = None

    def setup(self, classifier, source, pipeline) -> None:
        require_indices("Relabel", source)
        n, classes = len(source), classifier.classes
        require_same_examples(self, source)
        if self.values is not None:
            return
        if self.top is not None and not 0 < self.top <= classes:
            raise InvalidInput(f"top must be in 1 to {classes}, got {self.top}")
        small = (4 + 8) * 10 * n / 2**30
        self.values = example_table(
            self,
            "predictions",
            n,
            0.0,
            self.top or classes,
            remedy=f"keep ten classes of each (top=10: {small:.2g} GiB), or "
            "leave Relabel out",
        )
        if self.top:
            self.places = example_table(
                self, "classes", n, -1, self.top, dtype="int64"
            )

    def rows(self, index: tf.Tensor, classes: int) -> tf.Tensor:
        """What is remembered of these examples, `[batch, classes]`."""
        values = tf.gather(self.values.value, index)
        if not self.top:
            return values
        places = tf.gather(self.places.value, index)
        dense = dense_rows(values, places, classes)
        kept = dense_rows(tf.ones_like(values), places, classes) > 0
        absent = ABSENT if self.memory == "logits" else 0.0
        return tf.where(kept, dense, tf.cast(absent, dense.dtype))

    def scaled(
        self, rows: tf.Tensor, add_up=collectives.all_reduce_sum
    ) -> tf.Tensor:
        """Logits of root mean square one over the global batch."""
        if self.memory == "probs":
            return rows
        kept = rows > ABSENT / 2
        squares = add_up(tf.reduce_sum(tf.where(kept, rows**2, 0.0)))
        count = add_up(tf.reduce_sum(tf.cast(kept, rows.dtype)))
        size = tf.sqrt(tf.math.divide_no_nan(squares, count) + 1e-8)
        return tf.where(kept, rows / size, rows)

    def labels(
        self, rows: tf.Tensor, add_up=collectives.all_reduce_sum
    ) -> tf.Tensor:
        """Pseudo-labels of what is remembered."""
        rows = self.scaled(rows, add_up)
        if self.memory == "logits":
            return tf.nn.softmax(rows)
        # Nothing is remembered at the first visit: no label, no penalty.
        total = tf.reduce_sum(rows, axis=1, keepdims=True)
        return tf.math.divide_no_nan(rows, total)

    def penalty(self, classifier, batch, logits) -> tf.Tensor:
        # p of the paper times the cross-entropy with the pseudo-label.
        label = self.labels(self.rows(batch["index"], classifier.classes))
        label = tf.stop_gradient(tf.cast(label, logits.dtype))
        weight = tf.where(
            warmup_done(classifier, self.warmup), self.weight, 0.0
        )
        loss = losses.cross_entropy(label, logits)
        return tf.cast(weight, logits.dtype) * loss

    def observe(self, classifier, batch, logits, omega) -> None:
        rows = self.scaled(self.rows(batch["index"], classifier.classes))
        new = tf.nn.softmax(logits) if self.memory == "probs" else logits
        new = tf.cast(new, rows.dtype)
        rows = tf.where(rows > ABSENT / 2, rows, 0.0)
        new = self.decay * rows + (1.0 - self.decay) * new
        if self.top:
            new, places = tf.math.top_k(new, self.top)
            example_state.scatter_rows(self.places, batch["index"], places)
        example_state.scatter_rows(self.values, batch["index"], new)

    def epoch_logs(self, source) -> dict[str, float]:
        if self.values is None or source.true_labels is None:
            return {}
        auroc = clean_auroc(source, self.given_probability(source))
        return {} if auroc is None else {"relabel_auroc": auroc}

    def given_probability(self, source, chunk: int = 10_000) -> np.ndarray:
        """The remembered probability of each given label."""
        parts = []
        for start in range(0, len(source), chunk):
            index = np.arange(start, min(start + chunk, len(source)))
            rows = self.rows(index, source.classes)
            probs = self.labels(rows, add_up=tf.identity).numpy()
            parts.append(probs[np.arange(len(index)), source.labels[index]])
        return np.concatenate(parts)
