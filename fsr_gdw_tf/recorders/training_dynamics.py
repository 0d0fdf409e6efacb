"""What training itself tells of each label: the books behind a label report.

A row per training example, kept inside the step, so that it costs no extra
forward pass: what was predicted, how often that was something else, what the
example weighed. Predictions of mixed images are those of the mixed ones; an
example keeps the larger part of itself.
"""

import gin
import numpy as np
import tensorflow as tf

from fsr_gdw_tf import example_state
from fsr_gdw_tf.dictionary.pushers import RIGHT, remembered
from fsr_gdw_tf.errors import INF, require_range
from fsr_gdw_tf.example_state import dense_rows, example_table
from fsr_gdw_tf.method import Component, target_weight, warmup_done
from fsr_gdw_tf.metrics import clean_auroc

COLUMNS = (
    "visits",  # after the warm-up
    "weighed",  # visits after the method's own warm-up, too
    "probability",  # of the given label: its mean
    "loss",  # of the given label: its mean
    "disagreement",  # share of visits with another prediction
    "weight",  # its mean
    "zero_weight",  # share of visits with weight zero
    "forgotten",  # how often a right prediction was lost, warm-up included
    "memory",  # NEVER, RIGHT or WRONG: what the last prediction was
)
OF_WEIGHTS = COLUMNS[5:7]
TINY = 1e-7


@gin.register
class TrainingDynamics(Component):
    """The mean of what was predicted for each example, and the like.

    top: how many classes of each example's mean prediction are kept.
    warmup: epochs, or below 1 their share of all, that do not count, because
        a network that has learned nothing tells nothing. Weights count after
        the method's own warm-up.
    """

    def __init__(self, top: int = 5, warmup: float = 0.3, **kwargs):
        super().__init__(**kwargs)
        require_range(1, INF, top=top)
        self.top, self.warmup = top, warmup
        self.table = self.source = None
        self.weighs = self.current = False

    def setup(self, classifier, source, pipeline) -> None:
        """A row per example; other examples than before start anew."""
        self.current = source is not None
        if source is None or self._knows(source):
            return
        self._forget(classifier)
        self.source, self.top = source, min(self.top, classifier.classes)
        n, width = len(source), len(COLUMNS) + 2 * self.top
        remedy = (
            "record one class of each, TrainingDynamics(top=1), or nothing, "
        )
        remedy += "track_labels=False"
        self.table = example_table(
            self,
            "training_dynamics",
            n,
            0.0,
            width,
            remedy=remedy,
            dtype="float32",
        )

    def _knows(self, source) -> bool:
        known = self.source
        return known is not None and np.array_equal(known.labels, source.labels)

    def _forget(self, classifier) -> None:
        if self.table is not None:
            del self.table
            classifier.train_function = None  # it has captured the old one
        self.table = None

    def observe(self, classifier, batch, logits, omega) -> None:
        """Enter a batch, unless its inputs are not its `own`."""
        if self.table is None or "index" not in batch:
            return
        index = batch["index"]
        old = tf.gather(self.table.value, index)
        probs = tf.cast(tf.nn.softmax(logits), old.dtype)
        label = batch.get("unmixed_label", batch["label"])
        label = tf.cast(label, old.dtype)
        weight = tf.ones_like(old[:, 0])
        if omega is not None:
            self.weighs = True
            weight = tf.cast(target_weight(omega, batch["label"]), old.dtype)
        new = self._entered(old, probs, label, weight, self._counts(classifier))
        new = tf.where(batch.get("own", True), new, old)
        example_state.scatter_rows(self.table, index, new)

    def _counts(self, classifier) -> tuple[tf.Tensor, tf.Tensor]:
        """Whether predictions, and weights, count; the last epoch's always."""
        last = classifier.epoch.value + 1 >= classifier.epochs.value
        predictions = last | warmup_done(classifier, self.warmup)
        weights = last | warmup_done(classifier, classifier.method.warmup)
        return predictions, predictions & weights

    def _entered(self, old, probs, label, weight, counts) -> tf.Tensor:
        """The rows of a batch, one visit later."""
        given = tf.reduce_sum(probs * label, axis=1)
        right = tf.argmax(probs, axis=1) == tf.argmax(label, axis=1)
        other = tf.cast(~right, old.dtype)
        now = {
            "probability": given,
            "loss": -tf.math.log(tf.maximum(given, TINY)),
            "disagreement": other,
            "weight": weight,
            "zero_weight": tf.cast(weight == 0.0, old.dtype),
        }
        was = dict(zip(COLUMNS, tf.unstack(old, axis=1), strict=False))
        new, share = {}, {}
        for name, counted in zip(("visits", "weighed"), counts, strict=True):
            one = tf.cast(counted, old.dtype)
            new[name] = was[name] + one
            share[name] = tf.math.divide_no_nan(one, new[name])
        for name, value in now.items():
            by = "weighed" if name in OF_WEIGHTS else "visits"
            new[name] = was[name] + share[by] * (value - was[name])
        lost = tf.cast(was["memory"] == RIGHT, old.dtype) * other
        new["forgotten"] = was["forgotten"] + lost
        new["memory"] = remembered(was["memory"], right)
        scalars = tf.stack([new[name] for name in COLUMNS], axis=1)
        rest = old[:, len(COLUMNS) :]
        best = self._best(rest, probs, share["visits"][:, None])
        return tf.concat([scalars, best], axis=1)

    def _best(self, old, probs, share) -> tf.Tensor:
        """The most probable classes on average: probabilities, classes."""
        values, places = tf.split(old, 2, axis=1)
        known = dense_rows(values, tf.cast(places, tf.int64), probs.shape[-1])
        mean = known + share * (probs - known)
        values, places = tf.math.top_k(mean, self.top)
        return tf.concat([values, tf.cast(places, values.dtype)], axis=1)

    def report(self, source) -> dict[str, float]:
        """Whether the given label's probability tells right from wrong."""
        known = {} if source.true_labels is None else self.per_example(source)
        if not known or not known["visits"].any():
            return {}
        auroc = clean_auroc(source, known["probability"])
        return {} if auroc is None else {"label_auroc": auroc}

    def per_example(self, source) -> dict[str, np.ndarray]:
        """What the books say, a column each; of `top` there are several."""
        if self.table is None:
            return {}
        table = np.array(self.table)
        columns = dict(zip(COLUMNS, table.T, strict=False))
        del columns["memory"]
        if not self.weighs:
            del columns["weighed"], columns["weight"], columns["zero_weight"]
        values, places = np.split(table[:, len(COLUMNS) :], 2, axis=1)
        return columns | {"top": places.astype(np.int32), "top_probs": values}
