"""Weights by the probability that a label is right, seen while training.

Arazo et al., "Unsupervised Label Noise Modeling and Loss Correction",
https://arxiv.org/abs/1904.11238: a mixture of two groups, fitted to all
examples before each epoch, gives the posterior probability that a label is
right. Ours:

* The groups are fitted to each example's mean prediction so far, by
  `label_issues.py`: how wrong labels look is known from the classes that were
  not given. The paper fits beta distributions to the last losses, which wrong
  labels leave as they are memorised.
* The posterior weighs the loss; the paper blends the label with the prediction.
* Weights are one until the network predicts most labels that look right: early
  on, all labels that it has not yet learned look wrong. They stay one if hardly
  any labels look wrong, or most do.
* Scores of a class count so far as it has been learned. A rare or hard class is
  at first predicted for none of its examples.

It costs no forward pass and needs no clean data.
"""

import gin
import keras
import numpy as np
import tensorflow as tf

from fsr_gdw_tf.errors import INF, require_range
from fsr_gdw_tf.example_state import (
    example_table,
    require_indices,
    require_same_examples,
    scatter_rows,
    update_top_means,
)
from fsr_gdw_tf.label_quality.label_issues import find_label_issues
from fsr_gdw_tf.label_quality.label_records import LabelRecords
from fsr_gdw_tf.method import Batch, Regulariser, epochs_since_warmup
from fsr_gdw_tf.metrics import clean_auroc

# Columns of the table; TOP and all after. LEARNED: 1 if the given label was
# predicted at the last visit.
VISITS, PROBABILITY, LEARNED, TOP = 0, 1, 2, 3
# Weights differ from one if this share of the labels looks wrong...
NOISE = (0.05, 0.5)
# ...and so many labels were predicted at the last visit, for each that looks
# right. Mean predictions lag behind: where a network learns labels by heart
# before it has learned much else, .9 of those came too late or never. Held-out
# images, seed 0, of .9 of the means, and .9, .8 and .7 of the last: CIFAR-10
# without crops, a normalised network .431, .486, .502, .518; text .648, -,
# .648, .692; digits, MLP, a long tail .702, -, .704, .693 (plain .633).
ENOUGH = 0.7


@gin.register
class PosteriorWeights(Regulariser):
    """Multiply each example's loss by the probability that its label is right.

    In the real step only, like weights that are given with the data. With
    MixUp, list it before: weights are then mixed as well.

    warmup: epochs, or below 1 their share of all, with all weights one.
    top: how many classes of each example's mean prediction are stored.
    """

    def __init__(self, warmup: float = 1, top: int = 5, **kwargs):
        super().__init__(**kwargs)
        require_range(0, INF, warmup=warmup)
        require_range(1, INF, top=top)
        self.warmup, self.top = warmup, top
        self.means = self.posterior = self.estimated_noise = None

    def setup(self, classifier, source, pipeline) -> None:
        require_indices("PosteriorWeights", source)
        require_same_examples(self, source)
        if self.means is None:
            n, top = len(source), min(self.top, classifier.classes)
            remedy = "store one class of each, PosteriorWeights(top=1)"
            self.means = example_table(
                self, "means", n, 0.0, TOP + 2 * top, remedy=remedy
            )
            self.posterior = example_table(self, "posterior", n, 1.0)
            self.estimated_noise = self.add_weight(
                shape=(), trainable=False, name="estimated_noise"
            )
            self.estimated_noise.assign(0.0)

    def begin_epoch(self, classifier, source, clean) -> None:
        if epochs_since_warmup(classifier, self.warmup) < 0:
            return
        records = mean_predictions(np.array(self.means), source)
        probability = records.columns["probability"]
        if records.columns["visits"].any() and np.isfinite(probability).all():
            scores = find_label_issues(records).score
            self.estimated_noise.assign(scores.mean())
            # Those after them are clean examples that were added.
            posterior = np.ones(len(source), np.float32)
            posterior[: len(scores)] = posterior_weights(records, scores)
            self.posterior.assign(posterior)

    def prepare(self, classifier: keras.Model, batch: Batch) -> Batch:
        weight = tf.gather(self.posterior.value, batch["index"])
        # A method may have replaced examples, by clean ones.
        weight = tf.where(batch.get("recordable", True), weight, 1.0)
        given = tf.cast(batch.get("weight", 1.0), weight.dtype)
        given *= tf.ones_like(weight)
        return {**batch, "weight": weight * given, "given_weight": given}

    def observe(self, classifier, batch, logits, omega) -> None:
        old = tf.gather(self.means.value, batch["index"])
        probs = tf.cast(tf.nn.softmax(logits), old.dtype)
        label = batch.get("unmixed_label", batch["label"])
        given = tf.reduce_sum(probs * tf.cast(label, old.dtype), axis=1)
        visits = old[:, VISITS] + 1.0
        mean = old[:, PROBABILITY] + (given - old[:, PROBABILITY]) / visits
        top = update_top_means(old[:, TOP:], probs, 1.0 / visits[:, None])
        learned = tf.argmax(probs, axis=1) == tf.argmax(label, axis=1)
        new = tf.stack([visits, mean, tf.cast(learned, old.dtype)], axis=1)
        new = tf.concat([new, top], axis=1)
        new = tf.where(batch.get("recordable", True), new, old)
        scatter_rows(self.means, batch["index"], new)

    def epoch_logs(self, source) -> dict[str, float]:
        logs = {"estimated_noise": float(np.array(self.estimated_noise))}
        auroc = clean_auroc(source, np.array(self.posterior))
        return logs if auroc is None else logs | {"posterior_auroc": auroc}

    def summary(self) -> str:
        share = float(np.array(self.estimated_noise))
        posterior = np.array(self.posterior)
        if share >= NOISE[0] and np.all(posterior == 1.0):
            return (
                "The share of wrong labels is unknown: too few labels were "
                "learned; all examples kept their weight."
            )
        line = f"Estimated share of wrong labels: {share:.1%}"
        if n_low := int((posterior < 0.5).sum()):
            return f"{line}; {n_low:,} examples weigh less than a half."
        return f"{line}; no example weighs less than a half."


def mean_predictions(table: np.ndarray, source) -> LabelRecords:
    """Return the mean predictions of all examples but added clean ones."""
    n = len(source) - source.n_clean
    top_probs, top = np.split(table[:n, TOP:], 2, axis=1)
    columns = {
        "visits": VISITS,
        "probability": PROBABILITY,
        "learned": LEARNED,
    }
    return LabelRecords(
        names=(),
        given=source.labels[:n],
        class_names=source.class_names,
        columns={name: table[:n, k] for name, k in columns.items()},
        top=top.astype(np.int64),
        top_probs=top_probs,
    )


def posterior_weights(records: LabelRecords, scores: np.ndarray) -> np.ndarray:
    """Return the weight of each example, from its score."""
    given, classes = records.given, len(records.class_names)
    right = np.maximum(np.bincount(given, 1.0 - scores, classes), 1e-9)
    few, most = NOISE
    is_plausible = few <= scores.mean() <= most
    n_learned = records.columns["learned"].sum()
    if not is_plausible or n_learned < ENOUGH * right.sum():
        return np.ones(len(scores))
    # How far each class has been learned.
    predicted = np.bincount(given, records.top[:, 0] == given, classes)
    learned = np.minimum(predicted / right, 1.0)
    return 1.0 - scores * learned[given]
