"""Score each label by the probability that it is wrong.

To a network that has not memorised the labels, a wrong label is a class like
any other: it predicts the given class of a mislabelled example no more than it
predicts that class for examples of other classes. The predictions of classes
that were NOT given therefore show how wrong labels look (the null group). The
group of right labels and the share of wrong ones are fitted by EM, as in
Efron's local false discovery rate. Part of the mean of each class is
subtracted first, so that a rare or hard class, which the network seldom
predicts, is not suspected for that alone.
"""

import dataclasses

import numpy as np

from fsr_gdw_tf.errors import InvalidInput
from fsr_gdw_tf.label_quality.label_records import LabelRecords

MIN_PROBABILITY = 1e-3  # probabilities below it are treated alike
# Examples of a class that weigh as much as the mean over all classes.
PRIOR_EXAMPLES = 10
# Part of the class mean that is subtracted. Measured: 0 loses 2 points of AUROC
# with dictionary-GDW on CIFAR-10; 1 loses 9 in a long tail with uniform noise,
# where rare classes do have more wrong labels.
CLASS_MEAN_PART = 0.5
# Weight of the null group relative to the scored examples: a network that
# begins to memorise moves wrong labels away from it.
NULL_WEIGHT = 0.1
MIN_DEVIATION = 0.1
# Above this mean score a class was not learned, and its scores are capped.
UNLEARNED = 0.9
TOLERANCE = 1e-7  # of the share of wrong labels, between two rounds of EM
MAX_ROUNDS = 200


@dataclasses.dataclass(frozen=True)
class LabelIssues:
    """The score of each label, and which labels are suspected to be wrong.

    score: the probability that the label is wrong.
    suggested: the class suggested instead; the given one if not suspected.
    rank: 1 for the most suspicious example of its given class, and so on.
    is_issue: whether the label is suspected.
    order: indices of all examples, the most suspicious first.
    """

    score: np.ndarray
    suggested: np.ndarray
    rank: np.ndarray
    is_issue: np.ndarray
    order: np.ndarray

    @property
    def suspected(self) -> np.ndarray:
        """Return the indices of the suspected labels, worst first."""
        return self.order[self.is_issue[self.order]]


def find_label_issues(
    records: LabelRecords, threshold: float = 0.5
) -> LabelIssues:
    """Score all labels; suspect those above the threshold.

    A label that the network predicts itself is never suspected.
    """
    given = records.given
    visited = _visited_examples(records)
    score, evidence = np.full((2, len(given)), np.inf)
    trained, held_out = visited & ~records.held_out, visited & records.held_out
    for group in (trained, held_out):
        if group.any():
            score[group], evidence[group] = _score_labels(records.subset(group))
    contradicted = records.top[:, 0] != given
    # A network errs more often on examples that it has not seen: the share of
    # wrong labels, that of training, bounds what a contradiction says there.
    if held_out.any() and trained.any():
        share = score[trained].mean()
        contradictions = contradicted[held_out].mean()
        score[held_out] *= share / max(contradictions, share, 1e-12)
    # Nothing was recorded of the others: they get the mean score.
    score[~visited] = min(float(score[visited].mean()), 0.5)
    is_issue = visited & contradicted & (score > threshold)
    order = np.lexsort((evidence, -score))
    return LabelIssues(
        score=score,
        suggested=np.where(is_issue, best_alternative(records), given),
        rank=ranks_within(given, order),
        is_issue=is_issue,
        order=order,
    )


def best_alternative(records: LabelRecords) -> np.ndarray:
    """Return the most probable class of each example but the given one."""
    top, given = records.top, records.given
    second = top[:, min(1, top.shape[1] - 1)]
    return np.where(top[:, 0] == given, second, top[:, 0])


def ranks_within(groups: np.ndarray, order: np.ndarray) -> np.ndarray:
    """Return each element's rank in its group, counted from 1 along `order`."""
    by_group = order[np.argsort(groups[order], kind="stable")]
    counts = np.bincount(groups)
    starts = np.cumsum(counts) - counts
    rank = np.empty(len(groups), np.int64)
    rank[by_group] = np.arange(len(groups)) - np.repeat(starts, counts) + 1
    return rank


def _visited_examples(records: LabelRecords) -> np.ndarray:
    """Return which examples have visits that count; raise if none has."""
    visited = records.columns["visits"] > 0
    if not visited.any():
        raise InvalidInput(
            "expected recorded predictions, got none: the first epochs are not "
            "recorded (30 %, see TrainingDynamics.warmup); train for longer"
        )
    probabilities = records.columns["probability"], records.top_probs
    if not all(np.isfinite(p).all() for p in probabilities):
        raise InvalidInput(
            "expected finite predictions, got NaN: training has diverged; "
            "lower LEARNING_RATE"
        )
    return visited


def _score_labels(records: LabelRecords) -> tuple[np.ndarray, np.ndarray]:
    """Return each label's score, and the evidence that it is right."""
    given = records.given
    evidence, null = _evidence(records)
    # Where the network predicts the label, its odds bound the score.
    p = np.maximum(records.columns["probability"], 0.5)
    score = np.minimum(_posterior(evidence, null), (1.0 - p) / p)
    # If all labels of a class look wrong, the class was not learned.
    counts = np.maximum(np.bincount(given), 1)
    unlearned = np.bincount(given, score) / counts > UNLEARNED
    return np.where(unlearned[given], np.minimum(score, 0.5), score), evidence


def _evidence(records: LabelRecords) -> tuple[np.ndarray, np.ndarray]:
    """Return the logits of the given classes, and those of the null group.

    Half of the mean of its class is subtracted from each: a class may have low
    logits because it is rare or hard, or because more of its labels are wrong.
    """
    given, classes = records.given, len(records.class_names)
    given_logits = _logit(records.columns["probability"])
    counts = np.bincount(given, minlength=classes)
    sums = np.bincount(given, given_logits, classes)
    prior = PRIOR_EXAMPLES * given_logits.mean()
    offset = CLASS_MEAN_PART * ((sums + prior) / (counts + PRIOR_EXAMPLES))
    null_class, null_logits = _null_group(records)
    return given_logits - offset[given], null_logits - offset[null_class]


def _logit(p: np.ndarray) -> np.ndarray:
    """Return log(p / (1 - p)), with p clipped away from 0 and 1."""
    p = np.clip(p, MIN_PROBABILITY, 1 - MIN_PROBABILITY)
    return np.log(p / (1 - p))


def _null_group(records: LabelRecords) -> tuple[np.ndarray, np.ndarray]:
    """Return a random class that each example was not given, and its logit.

    Only the most probable classes are recorded; the others share the
    remaining probability equally.
    """
    given, n = records.given, len(records)
    classes, n_recorded = len(records.class_names), records.top.shape[1]
    step = np.random.default_rng(0).integers(1, classes, n)
    null_class = (given + step) % classes
    hit = records.top == null_class[:, None]
    rest = 1.0 - records.top_probs.sum(axis=1)
    rest = np.maximum(rest, 0.0) / max(classes - n_recorded, 1)
    p = np.where(hit, records.top_probs, 0.0).sum(axis=1)
    return null_class, _logit(np.where(hit.any(axis=1), p, rest))


def _posterior(evidence: np.ndarray, null: np.ndarray) -> np.ndarray:
    """Return the probability that each element belongs to the null group.

    A mixture of two normal distributions, fitted by EM. Beyond its own centre
    the density of a group stays at its peak, so that less evidence never makes
    a label less suspicious.
    """
    null_fit = (
        float(np.median(null)),
        max(_robust_deviation(null), MIN_DEVIATION),
    )
    null_weight = NULL_WEIGHT * len(evidence)
    (low, low_deviation), share = null_fit, 0.2
    high, high_deviation = float(np.quantile(evidence, 0.8)), low_deviation
    for _ in range(MAX_ROUNDS):
        high = max(high, low + MIN_DEVIATION)
        wrong = np.log(share) - _distance(evidence - low, low_deviation)
        right = np.log1p(-share) - _distance(high - evidence, high_deviation)
        r = 1.0 / (1.0 + np.exp(np.clip(right - wrong, -500, 500)))
        before, share = share, float(np.clip(r.mean(), 1e-6, 1 - 1e-6))
        high, high_deviation = _fit_normal(evidence, 1.0 - r)
        low, low_deviation = _fit_normal(evidence, r, null_weight, *null_fit)
        if abs(share - before) < TOLERANCE:
            break
    rising = np.argsort(evidence, kind="stable")
    r[rising] = np.minimum.accumulate(r[rising])
    return r


def _robust_deviation(x: np.ndarray) -> float:
    """Return a standard deviation from the median absolute deviation.

    The null group has outliers: some classes not given are the true ones.
    """
    return float(1.4826 * np.median(np.abs(x - np.median(x))))


def _fit_normal(
    x: np.ndarray,
    weight: np.ndarray,
    prior_weight: float = 1e-6,
    prior_mean: float = 0.0,
    prior_deviation: float = 0.0,
) -> tuple[float, float]:
    """Return the weighted mean and deviation of x, pooled with a prior."""
    total = prior_weight + weight.sum()
    mean = (prior_weight * prior_mean + (weight * x).sum()) / total
    prior = prior_weight * (prior_deviation**2 + (prior_mean - mean) ** 2)
    variance = (prior + (weight * (x - mean) ** 2).sum()) / total
    return mean, max(float(np.sqrt(variance)), MIN_DEVIATION)


def _distance(beyond: np.ndarray, deviation: float) -> np.ndarray:
    """Return a negative log density that is flat where `beyond` is below 0."""
    return 0.5 * (np.maximum(beyond, 0.0) / deviation) ** 2 + np.log(deviation)
