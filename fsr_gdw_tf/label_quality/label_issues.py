"""One score for each label: how probable it is that the label is wrong.

A wrong label is a class like any other to a network that has not learned it by
heart: it predicts the given class no more than it predicts that class for the
examples of all others, and those show how that looks. What the examples with
right labels look like is then fitted, and with it the share of wrong labels
(two groups, one of them known: Efron's local false discovery rate). Part of
what is usual in its class is taken off each example's number, so that a class
which the network rarely predicts, because it is small or hard, is not
suspected for it.
"""

import dataclasses

import numpy as np

from fsr_gdw_tf.errors import InvalidInput
from fsr_gdw_tf.label_quality.label_records import LabelRecords

FLOOR = 1e-3  # what is less probable than this is all the same
FEW = 10  # examples of a class that weigh as much as those of all classes
# Measured: 0 loses 2 points of AUROC with dictionary-GDW on CIFAR-10; 1 loses 9
# in a long tail with uniform noise, of which rare classes do have more.
HALF = 0.5
# Of the group that is known, relative to what is judged: a network that begins
# to learn labels by heart moves wrong ones away from it.
KNOWN = 0.1
NARROW = 0.1
UNLEARNED = 0.9  # mean score of a class of which no score is believed
SETTLED = 1e-7  # of the share of wrong labels
ROUNDS = 200


@dataclasses.dataclass(frozen=True)
class LabelIssues:
    """What is thought of each label.

    score: the probability that the label is wrong.
    suggested: the class that is thought to be right.
    rank: among the examples of its given class, 1 for the most suspicious.
    is_issue: whether it is worth a look.
    order: all examples, the most suspicious first.
    """

    score: np.ndarray
    suggested: np.ndarray
    rank: np.ndarray
    is_issue: np.ndarray
    order: np.ndarray

    @property
    def suspected(self) -> np.ndarray:
        """Those that are worth a look, the most suspicious first."""
        return self.order[self.is_issue[self.order]]


def find_label_issues(
    records: LabelRecords, threshold: float = 0.5
) -> LabelIssues:
    """The probability that each label is wrong, and what may be right."""
    given, other = records.given, best_alternative(records)
    seen = require_seen(records)
    score, evidence = np.full((2, len(given)), np.inf)
    score[seen], evidence[seen] = scores(records.subset(seen))
    # Nothing is known of what was never counted: as suspicious as the average.
    score[~seen] = min(float(score[seen].mean()), 0.5)
    contested = records.top[:, 0] != given
    is_issue = seen & contested & (score > threshold)
    order = np.lexsort((evidence, -score))
    return LabelIssues(
        score=score,
        suggested=np.where(is_issue, other, given),
        rank=ranks_within(given, order),
        is_issue=is_issue,
        order=order,
    )


def require_seen(records: LabelRecords) -> np.ndarray:
    """Which examples were counted; refused if none was, or if it all is NaN."""
    seen = records.columns["visits"] > 0
    if not seen.any():
        raise InvalidInput(
            "no label has been counted yet: the first epochs are not (30 % of "
            "them, see TrainingDynamics.warmup); train on"
        )
    if not np.isfinite(records.columns["probability"]).all():
        raise InvalidInput(
            "the predictions of this run are no numbers: training has "
            "diverged; lower LEARNING_RATE"
        )
    return seen


def scores(records: LabelRecords) -> tuple[np.ndarray, np.ndarray]:
    """(the probability that each label is wrong, what speaks for it)."""
    given = records.given
    evidence, null = compared(records)
    # A label that the network is for has at most its odds against it.
    p = np.maximum(records.columns["probability"], 0.5)
    score = np.minimum(posterior(evidence, null), (1.0 - p) / p)
    # Of a class whose labels all look wrong nothing was learned.
    counts = np.maximum(np.bincount(given), 1)
    unlearned = np.bincount(given, score) / counts > UNLEARNED
    return np.where(unlearned[given], np.minimum(score, 0.5), score), evidence


def best_alternative(records: LabelRecords) -> np.ndarray:
    """The most probable class that was not given."""
    top, given = records.top, records.given
    second = top[:, min(1, top.shape[1] - 1)]
    return np.where(top[:, 0] == given, second, top[:, 0])


def logit(p: np.ndarray) -> np.ndarray:
    """log p / (1 - p), within bounds."""
    p = np.clip(p, FLOOR, 1 - FLOOR)
    return np.log(p / (1 - p))


def compared(records: LabelRecords) -> tuple[np.ndarray, np.ndarray]:
    """(how much speaks for each label, the same for labels that are wrong).

    Less half of what usually speaks for the labels of its class: a class may
    have low values because it is rare or hard, or because more of its labels
    are wrong.
    """
    given, classes = records.given, len(records.class_names)
    own = logit(records.columns["probability"])
    counts = np.bincount(given, minlength=classes)
    sums = np.bincount(given, own, classes)
    usual = (sums + FEW * own.mean()) / (counts + FEW)
    owner, value = others(records)
    return own - HALF * usual[given], value - HALF * usual[owner]


def others(records: LabelRecords) -> tuple[np.ndarray, np.ndarray]:
    """(class, logit) of predictions of classes that were not given.

    One class of each example, at random: those that are not among its most
    probable ones share what is left.
    """
    given, n = records.given, len(records)
    classes, kept = len(records.class_names), records.top.shape[1]
    step = np.random.default_rng(0).integers(1, classes, n)
    owner = (given + step) % classes
    hit = records.top == owner[:, None]
    rest = 1.0 - records.top_probs.sum(axis=1)
    rest = np.maximum(rest, 0.0) / max(classes - kept, 1)
    p = np.where(hit, records.top_probs, 0.0).sum(axis=1)
    return owner, logit(np.where(hit.any(axis=1), p, rest))


def posterior(evidence: np.ndarray, null: np.ndarray) -> np.ndarray:
    """The probability of the group that looks like `null`, by EM.

    Both groups are normal; beyond its own centre each is certain of its side,
    so that less evidence never makes a label less suspicious.
    """
    start = float(np.median(null)), max(_spread(null), NARROW)
    prior = KNOWN * len(evidence)
    (low, spread), share = start, 0.2
    high, width = float(np.quantile(evidence, 0.8)), spread
    for _ in range(ROUNDS):
        high = max(high, low + NARROW)
        wrong = np.log(share) - _distance(evidence - low, spread)
        right = np.log1p(-share) - _distance(high - evidence, width)
        r = 1.0 / (1.0 + np.exp(np.clip(right - wrong, -500, 500)))
        before, share = share, float(np.clip(r.mean(), 1e-6, 1 - 1e-6))
        high, width = _normal(evidence, 1.0 - r)
        low, spread = _normal(evidence, r, prior, *start)
        if abs(share - before) < SETTLED:
            break
    rising = np.argsort(evidence, kind="stable")
    r[rising] = np.minimum.accumulate(r[rising])
    return r


def _spread(x: np.ndarray) -> float:
    """A deviation that outliers leave alone: other classes hold true ones."""
    return float(1.4826 * np.median(np.abs(x - np.median(x))))


def _normal(x, weight, prior=1e-6, mean=0.0, deviation=0.0) -> tuple:
    """Mean and deviation of weighted numbers, and of so many known before."""
    total = prior + weight.sum()
    centre = (prior * mean + (weight * x).sum()) / total
    before = prior * (deviation**2 + (mean - centre) ** 2)
    variance = (before + (weight * (x - centre) ** 2).sum()) / total
    return centre, max(float(np.sqrt(variance)), NARROW)


def _distance(beyond: np.ndarray, scale: float) -> np.ndarray:
    return 0.5 * (np.maximum(beyond, 0.0) / scale) ** 2 + np.log(scale)


def ranks_within(given: np.ndarray, order: np.ndarray) -> np.ndarray:
    """1 for the first example of each class in this order, and so on."""
    by_class = order[np.argsort(given[order], kind="stable")]
    counts = np.bincount(given)
    starts = np.cumsum(counts) - counts
    rank = np.empty(len(given), np.int64)
    rank[by_class] = np.arange(len(given)) - np.repeat(starts, counts) + 1
    return rank
