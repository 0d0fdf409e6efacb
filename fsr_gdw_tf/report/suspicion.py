"""One score for each label: how probable it is that the label is wrong."""

import dataclasses

import numpy as np

from fsr_gdw_tf.report.statistics import Statistics

FLOOR = 1e-3  # a probability that nothing is known below


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What is thought of each label.

    score: the probability that the label is wrong.
    suggested: the class that is thought to be right.
    rank: among the examples of its given class, 1 for the most suspicious.
    is_issue: whether it is worth a look.
    """

    score: np.ndarray
    suggested: np.ndarray
    rank: np.ndarray
    is_issue: np.ndarray

    @property
    def order(self) -> np.ndarray:
        """All examples, the most suspicious first."""
        return np.argsort(-self.score, kind="stable")


def judge(statistics: Statistics, threshold: float = 0.5) -> Verdict:
    """The probability that each label is wrong, and what may be right."""
    given = statistics.given
    p = np.clip(statistics.columns["probability"], FLOOR, 1 - FLOOR)
    score = 1.0 - p
    top = statistics.top
    suggested = np.where(score > threshold, top[:, 0], given)
    rank = ranks_within(given, score)
    issue = (score > threshold) & (suggested != given)
    return Verdict(score, suggested, rank, issue)


def ranks_within(given: np.ndarray, score: np.ndarray) -> np.ndarray:
    """1 for the most suspicious example of each class, and so on."""
    order = np.lexsort((-score, given))
    counts = np.bincount(given)
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    rank = np.empty(len(given), np.int64)
    rank[order] = np.arange(len(given)) - np.repeat(starts, counts) + 1
    return rank


def reasons(statistics: Statistics, verdict: Verdict, index: int) -> str:
    """Why an example is suspected, in words."""
    s, names = statistics, statistics.class_names
    best = s.top[index, 0]
    said = [f"model says {names[best]} {s.top_probs[index, 0]:.2f}"]
    if best != s.given[index]:
        said.append(
            f"{names[s.given[index]]} {s.columns['probability'][index]:.2f}"
        )
    return "; ".join(said)
