"""The predictions for each training example during training.

A row per example, updated inside the step, so that it costs no extra forward
pass; the label report is made from it. With MixUp the predictions are those of
the mixture, of which the example is the larger part.
"""

import gin
import numpy as np
import tensorflow as tf

from fsr_gdw_tf.dictionary.pushers import RIGHT, prediction_history
from fsr_gdw_tf.errors import INF, require_range
from fsr_gdw_tf.example_state import (
    example_table,
    scatter_rows,
    update_top_means,
)
from fsr_gdw_tf.method import target_weight, warmup_done
from fsr_gdw_tf.metrics import clean_auroc
from fsr_gdw_tf.recorders.recorder import Recorder

COLUMNS = (
    "visits",  # after the warm-up
    "weighed",  # visits after the method's own warm-up as well
    "probability",  # of the given label: its mean
    "loss",  # of the given label: its mean
    "disagreement",  # share of visits with another prediction
    "weight",  # its mean
    "zero_weight",  # share of visits with weight zero
    "forgotten",  # forgetting events (right, then wrong), warm-up included
    "memory",  # NEVER, RIGHT or WRONG: the history of predictions
)
WEIGHT_COLUMNS = ("weight", "zero_weight")
TINY = 1e-7


@gin.register
class TrainingDynamics(Recorder):
    """Each example's mean prediction, mean loss, mean weight, and so on.

    top: how many classes of each example's mean prediction are stored.
    warmup: epochs, or below 1 their share of all, that are left out, as first
        predictions are random. Weights are left out in the method's own
        warm-up, too.
    """

    def __init__(self, top: int = 5, warmup: float = 0.3, **kwargs):
        super().__init__(**kwargs)
        require_range(1, INF, top=top)
        self.top, self.warmup = top, warmup
        self.table = self.source = None
        self.has_weights = self.is_current = False

    def setup(self, classifier, source, pipeline) -> None:
        # For other examples than before the table starts again.
        self.is_current = source is not None
        if source is None or self._has_rows_of(source):
            return
        self._delete_table(classifier)
        self.source, self.top = source, min(self.top, classifier.classes)
        n, width = len(source), len(COLUMNS) + 2 * self.top
        remedy = (
            "record one class of each, TrainingDynamics(top=1), or nothing, "
            "track_labels=False"
        )
        self.table = example_table(
            self, "dynamics", n, 0.0, width, remedy=remedy, dtype="float32"
        )

    def _has_rows_of(self, source) -> bool:
        old = self.source
        return old is not None and np.array_equal(old.labels, source.labels)

    def _delete_table(self, classifier) -> None:
        if self.table is not None:
            del self.table
            classifier.train_function = None  # it has captured the old table
        self.table = None

    def observe(self, classifier, batch, logits, omega) -> None:
        if self.table is None or "index" not in batch:
            return
        index = batch["index"]
        old = tf.gather(self.table.value, index)
        probs = tf.cast(tf.nn.softmax(logits), old.dtype)
        label = batch.get("unmixed_label", batch["label"])
        label = tf.cast(label, old.dtype)
        weight = tf.ones_like(old[:, 0])
        if omega.after is not None:
            self.has_weights = True
            weight = target_weight(omega.after, batch["label"])
            weight = tf.cast(weight, old.dtype)
        counts = self._counts(classifier)
        new = self._updated(old, probs, label, weight, counts)
        new = tf.where(batch.get("recordable", True), new, old)
        scatter_rows(self.table, index, new)

    def _counts(self, classifier) -> tuple[tf.Tensor, tf.Tensor]:
        """Return whether predictions and weights count in this epoch."""
        # The last epoch always counts, so that there is something to report.
        last = classifier.epoch.value + 1 >= classifier.epochs.value
        predictions = last | warmup_done(classifier, self.warmup)
        weights = last | warmup_done(classifier, classifier.method.warmup)
        return predictions, predictions & weights

    def _updated(self, old, probs, label, weight, counts) -> tf.Tensor:
        """Return the rows of a batch after one more visit."""
        probability = tf.reduce_sum(probs * label, axis=1)
        right = tf.argmax(probs, axis=1) == tf.argmax(label, axis=1)
        wrong = tf.cast(~right, old.dtype)
        values = {
            "probability": probability,
            "loss": -tf.math.log(tf.maximum(probability, TINY)),
            "disagreement": wrong,
            "weight": weight,
            "zero_weight": tf.cast(weight == 0.0, old.dtype),
        }
        before = dict(zip(COLUMNS, tf.unstack(old, axis=1), strict=False))
        new, share = {}, {}  # share: of this visit in the new mean
        for name, is_counted in zip(("visits", "weighed"), counts, strict=True):
            one = tf.cast(is_counted, old.dtype)
            new[name] = before[name] + one
            share[name] = tf.math.divide_no_nan(one, new[name])
        for name, value in values.items():
            n = "weighed" if name in WEIGHT_COLUMNS else "visits"
            new[name] = before[name] + share[n] * (value - before[name])
        event = tf.cast(before["memory"] == RIGHT, old.dtype) * wrong
        new["forgotten"] = before["forgotten"] + event
        new["memory"] = prediction_history(before["memory"], right)
        scalars = tf.stack([new[name] for name in COLUMNS], axis=1)
        top = old[:, len(COLUMNS) :]
        top = update_top_means(top, probs, share["visits"][:, None])
        return tf.concat([scalars, top], axis=1)

    def epoch_logs(self, classifier, source) -> dict[str, float]:
        if source.true_labels is None or self.table is None:
            return {}
        columns = self.example_columns(classifier, source)
        if not columns["visits"].any():
            return {}
        auroc = clean_auroc(source, columns["probability"])
        return {} if auroc is None else {"label_auroc": auroc}

    def example_columns(self, classifier, source) -> dict[str, np.ndarray]:
        # `top` and `top_probs` have several values for each example.
        if self.table is None:
            return {}
        table = np.array(self.table)
        columns = dict(zip(COLUMNS, table.T, strict=False))
        del columns["memory"]
        if not self.has_weights:
            del columns["weighed"], columns["weight"], columns["zero_weight"]
        values, classes = np.split(table[:, len(COLUMNS) :], 2, axis=1)
        return columns | {"top": classes.astype(np.int32), "top_probs": values}
