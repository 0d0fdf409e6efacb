"""The class weights that stage two increases: Fig. 4 to 6 of the GDW paper.

A weight has increased if it is larger after stage two than after stage one.
Shares of such weights are means over an epoch; of a few tracked examples the
weights of all classes are stored. Weights at the label are left out, as they
follow from the others (Eq. 4).
"""

import numpy as np
import tensorflow as tf

from fsr_gdw_tf.data.source import Source
from fsr_gdw_tf.example_state import scatter_rows_by_key
from fsr_gdw_tf.method import Batch, warmup_done
from fsr_gdw_tf.recorders.epoch_means import EpochMeans
from fsr_gdw_tf.recorders.recorder import Recorder

FILE_NAME = "class_weights.csv"
TRUTH_COLUMNS = ("increased_clean", "increased_true", "increased_other")
TAIL_COLUMN = "increased_tail"
N_TRACKED = 8
UNEVEN = 2.0  # ratio of class sizes; label noise alone stays below it


class ClassWeightStats(Recorder):
    """Shares of increased weights, and class weights of a few examples."""

    tracked: np.ndarray | None = None  # indices of examples

    @classmethod
    def applies_to(cls, method) -> bool:
        return getattr(method, "weight_net", None) is not None

    def setup(self, classifier, source, pipeline) -> None:
        if source is None or self.tracked is not None:
            return
        self.tail = smallest_two(source.counts())
        true = source.true_labels
        # A tensor is captured by the step; an array would become a constant.
        self.true = None if true is None else tf.constant(true, tf.int64)
        columns = () if true is None else TRUTH_COLUMNS
        columns += (TAIL_COLUMN,) if self.tail else ()
        self.means = EpochMeans(self, "increased", columns) if columns else None
        self.tracked = tracked_examples(source)
        self.tracked_weights = self.add_weight(
            shape=(len(self.tracked), 2 * source.classes),
            initializer="zeros",
            trainable=False,
            aggregation="sum",
            name="tracked_weights",
        )

    def observe(self, classifier, batch, logits, omega) -> None:
        if self.tracked is not None and "index" in batch:
            done = warmup_done(classifier, classifier.method.warmup)
            self.count(batch, omega.before, omega.after, done)

    def count(
        self,
        batch: Batch,
        before: tf.Tensor,
        after: tf.Tensor,
        active: tf.Tensor | bool,
    ) -> None:
        """Record a step's weights, if active."""
        label = batch["label"]
        before, after = (
            tf.broadcast_to(omega, tf.shape(label)) for omega in (before, after)
        )
        index = tf.where(active, batch["index"], -1)
        both = tf.concat([before, after], axis=1)
        tracked = tf.constant(self.tracked, tf.int64)
        scatter_rows_by_key(self.tracked_weights, tracked, index, both)
        if self.means is None:
            return
        given = tf.argmax(batch.get("unmixed_label", label), axis=1)
        masks = {}
        if self.true is not None:
            true = tf.gather(self.true, batch["index"])
            masks |= truth_masks(label, given, true)
        if self.tail:
            masks[TAIL_COLUMN] = tail_mask(label, given, *self.tail)
        increased = after > before
        self.means.add(
            **{name: (increased, mask & active) for name, mask in masks.items()}
        )

    def epoch_logs(self, classifier, source) -> dict[str, float]:
        if self.tracked is None or self.means is None:
            return {}
        return self.means.means()

    def csv_tables(self, classifier, source) -> dict[str, list[dict]]:
        rows = [] if self.tracked is None else self.rows(source)
        return {FILE_NAME: rows}

    def rows(self, source: Source) -> list[dict]:
        """Return the tracked examples' last weights, a row per class."""
        weights = np.array(self.tracked_weights)
        weights = weights.reshape(len(self.tracked), 2, -1)
        return [
            row
            for index, pair in zip(self.tracked.tolist(), weights, strict=True)
            for row in rows_of_example(source, index, pair)
            if pair.any()  # zero until the example is trained on
        ]


def truth_masks(
    label: tf.Tensor, given: tf.Tensor, true: tf.Tensor
) -> dict[str, tf.Tensor]:
    """Return the masks of weights for the three lines of Fig. 5."""
    free = label <= 0
    right = (given == true)[:, None]
    truth = tf.one_hot(true, label.shape[1], True, False, dtype=tf.bool)
    masks = free & right, free & truth, free & ~right & ~truth
    return dict(zip(TRUTH_COLUMNS, masks, strict=True))


def tail_mask(
    label: tf.Tensor, given: tf.Tensor, smallest: int, second: int
) -> tf.Tensor:
    """Return the mask of Fig. 6: the second smallest class, on the smallest."""
    classes = tf.range(label.shape[1])
    return (label <= 0) & (given == smallest)[:, None] & (classes == second)


def smallest_two(counts: np.ndarray) -> tuple[int, int] | None:
    """Return the smallest two classes, or None if classes are balanced."""
    present = np.flatnonzero(counts)
    order = present[np.argsort(counts[present], kind="stable")].tolist()
    if len(order) < 2 or counts[order[-1]] < UNEVEN * counts[order[0]]:
        return None
    return order[0], order[1]


def tracked_examples(source: Source) -> np.ndarray:
    """Return the first (if known, mislabelled) example of a few classes."""
    index = np.arange(len(source))
    if source.true_labels is not None:
        mislabelled = np.flatnonzero(source.labels != source.true_labels)
        index = mislabelled if len(mislabelled) else index
    _, first = np.unique(source.labels[index], return_index=True)
    return index[first[:N_TRACKED]]


def rows_of_example(
    source: Source, index: int, weights: np.ndarray
) -> list[dict]:
    """Return the rows of class_weights.csv for one example."""
    names, true = source.class_names, source.true_labels
    example = {"index": index, "name": source.name(index)}
    example["given"] = names[source.labels[index]]
    example["true"] = "" if true is None else names[true[index]]
    return [
        example | {"class": name, "before": f"{b:.6g}", "after": f"{a:.6g}"}
        for name, b, a in zip(names, *weights, strict=True)
    ]
