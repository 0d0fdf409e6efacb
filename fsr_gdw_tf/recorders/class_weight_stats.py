"""Which class weights grow within a step: Fig. 4 to 6 of the GDW paper.

A weight has grown if stage two left it larger than stage one. Weights are
counted over an epoch; a few witnesses keep theirs of all classes. The classes
of a label do not count: their weights follow from the others (Eq. 4).
"""

import numpy as np
import tensorflow as tf

from fsr_gdw_tf import example_state
from fsr_gdw_tf.recorders.epoch_means import EpochMeans

CLASS_WEIGHTS = "class_weights.csv"
OF_TRUTH = ("increased_clean", "increased_true", "increased_other")
OF_TAIL = "increased_tail"
N_TRACKED = 8
UNEVEN = 2.0  # noise alone makes classes uneven, but not that much


class ClassWeightStats:
    """Counts and witnesses, as variables of a method."""

    def __init__(self, part, source):
        self.tail = smallest_two(source.counts())
        true = source.true_labels
        # Captured by the step as it is, not copied into its graph.
        self.true = None if true is None else tf.constant(true, tf.int64)
        columns = () if true is None else OF_TRUTH
        columns += (OF_TAIL,) if self.tail else ()
        self.means_by_group = (
            EpochMeans(part, "increased", columns) if columns else None
        )
        self.index = tf.constant(tracked_examples(source), tf.int64)
        self.kept = part.add_weight(
            shape=(len(self.index), 2 * source.classes),
            initializer="zeros",
            trainable=False,
            aggregation="sum",
            name="witnesses",
        )

    def watch(self, batch, before, after, awake) -> None:
        """Count a step's weights, and keep those of its witnesses."""
        label = batch["label"]
        before, after = (
            tf.broadcast_to(omega, tf.shape(label)) for omega in (before, after)
        )
        index = tf.where(awake, batch["index"], -1)
        both = tf.concat([before, after], axis=1)
        example_state.scatter_rows_by_key(self.kept, self.index, index, both)
        if self.means_by_group is None:
            return
        given = tf.argmax(batch.get("unmixed_label", label), axis=1)
        counts = {}
        if self.true is not None:
            true = tf.gather(self.true, batch["index"])
            counts |= of_truth(label, given, true)
        if self.tail:
            counts[OF_TAIL] = of_tail(label, given, *self.tail)
        grown = after > before
        self.means_by_group.add(
            **{n: (grown, c & awake) for n, c in counts.items()}
        )

    def report(self) -> dict[str, float]:
        """The shares of an epoch that were larger after a step than before."""
        return self.means_by_group.means() if self.means_by_group else {}

    def rows(self, source) -> list[dict]:
        """Each witness's weights at its last visit, a row per class."""
        kept = np.array(self.kept).reshape(len(self.index), 2, -1)
        return [
            row
            for index, weights in zip(self.index.numpy(), kept, strict=True)
            for row in rows_of(source, int(index), weights)
            if weights.any()
        ]


def of_truth(label, given, true) -> dict[str, tf.Tensor]:
    """Which weights belong to which line of Fig. 5, `[batch, classes]`."""
    free = label <= 0
    right = (given == true)[:, None]
    truth = tf.one_hot(true, label.shape[1], True, False, dtype=tf.bool)
    masks = free & right, free & truth, free & ~right & ~truth
    return dict(zip(OF_TRUTH, masks, strict=True))


def of_tail(label, given, smallest: int, second: int) -> tf.Tensor:
    """Those of the second smallest class, on examples of the smallest one."""
    classes = tf.range(label.shape[1])
    return (label <= 0) & (given == smallest)[:, None] & (classes == second)


def smallest_two(counts: np.ndarray) -> tuple[int, int] | None:
    """The smallest class and the next, if classes are of uneven size."""
    present = np.flatnonzero(counts)
    order = present[np.argsort(counts[present], kind="stable")].tolist()
    if len(order) < 2 or counts[order[-1]] < UNEVEN * counts[order[0]]:
        return None
    return order[0], order[1]


def tracked_examples(source) -> np.ndarray:
    """The first mislabelled example of some classes, or just the first."""
    index = np.arange(len(source))
    if source.true_labels is not None:
        wrong = np.flatnonzero(source.labels != source.true_labels)
        index = wrong if len(wrong) else index
    _, first = np.unique(source.labels[index], return_index=True)
    return index[first[:N_TRACKED]]


def rows_of(source, index: int, weights: np.ndarray) -> list[dict]:
    """A row of class_weights.csv for each class."""
    names, true = source.class_names, source.true_labels
    about = {"index": index, "name": source.name(index)}
    about["given"] = names[source.labels[index]]
    about["true"] = "" if true is None else names[true[index]]
    return [
        about | {"class": name, "before": f"{b:.6g}", "after": f"{a:.6g}"}
        for name, b, a in zip(names, *weights, strict=True)
    ]
