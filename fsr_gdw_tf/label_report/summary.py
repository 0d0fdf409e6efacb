"""Summarise label issues: in all, by class, and by pair of classes."""

from typing import NamedTuple

import numpy as np
from scipy.stats import norm
from sklearn.metrics import average_precision_score, roc_auc_score

from fsr_gdw_tf.label_quality.label_issues import LabelIssues
from fsr_gdw_tf.label_quality.label_records import LabelRecords

# Below this mean disagreement the noise estimate is reported as unreliable.
MIN_DISAGREEMENT = 0.02
MOSTLY_WRONG = 0.7  # above this estimated noise, no score should be trusted
PRECISION_AT = (100, 1000)


class Summary(NamedTuple):
    """The numbers of a report.

    totals: of all labels, see `overall_summary`.
    classes: a row for each class, see `class_summary`.
    matrix: counts of (given class, suggested class).
    """

    totals: dict[str, float]
    classes: list[dict]
    matrix: np.ndarray


def summarise(
    records: LabelRecords,
    issues: LabelIssues,
    recalls: dict | None = None,
    recalls_before: dict | None = None,
) -> Summary:
    """Return all numbers of a report.

    recalls: the test recalls by class; recalls_before: those of the run whose
        labels were cleaned for this one.
    """
    classes = class_summary(records, issues, recalls)
    if recalls_before:
        for row in classes:
            row["recall_before"] = recalls_before.get(row["class"])
    return Summary(
        totals=overall_summary(records, issues),
        classes=classes,
        matrix=noise_matrix(records, issues),
    )


def wilson(hits: float, n: float, level: float = 0.95) -> tuple[float, float]:
    """Return Wilson's confidence interval of the share `hits / n`."""
    if not n:
        return 0.0, 1.0
    z = float(norm.ppf(0.5 + level / 2))
    p, q = hits / n, z * z / n
    centre = (p + q / 2) / (1 + q)
    half = z * np.sqrt(p * (1 - p) / n + q / (4 * n)) / (1 + q)
    return max(0.0, float(centre - half)), min(1.0, float(centre + half))


def class_summary(
    records: LabelRecords, issues: LabelIssues, recalls: dict | None = None
) -> list[dict]:
    """Return a row for each class: its size, its label noise, its recall.

    effective_n: how many of its labels are probably right. Intervals are those
    of sampling alone.
    """
    given, classes = records.given, len(records.class_names)
    n = np.bincount(given, minlength=classes)
    wrong = np.bincount(given, issues.score, classes)
    mean_weight = [None] * classes
    if "weight" in records.columns:
        weight = np.bincount(given, records.columns["weight"], classes)
        mean_weight = (weight / np.maximum(n, 1)).tolist()
    recalls = recalls or {}
    return [
        _class_row(
            name, n[c], n.max(), wrong[c], mean_weight[c], recalls.get(name)
        )
        for c, name in enumerate(records.class_names)
    ]


def _class_row(
    name: str,
    n: int,
    largest: int,
    wrong: float,
    mean_weight: float | None,
    recall: float | None,
) -> dict:
    """Return one class's row; `wrong` is the sum of its labels' scores."""
    low, high = wilson(wrong, n)
    return {
        "class": name,
        "n": int(n),
        "part": frequency_group(n, largest),
        "effective_n": float(n - wrong),
        "mean_weight": mean_weight,
        "noise": float(wrong / max(n, 1)),
        "noise_low": low,
        "noise_high": high,
        "recall": recall,
    }


def frequency_group(n: int, largest: int) -> str:
    """Return "head", "medium" or "tail": the class size over the largest."""
    if 3 * n >= largest:
        return "head"
    return "medium" if 10 * n >= largest else "tail"


def noise_matrix(records: LabelRecords, issues: LabelIssues) -> np.ndarray:
    """Return counts of labels by (given class, suggested class)."""
    classes = len(records.class_names)
    cells = records.given * classes + issues.suggested
    return np.bincount(cells, minlength=classes**2).reshape(classes, classes)


def detection_metrics(
    records: LabelRecords, issues: LabelIssues
) -> dict[str, float]:
    """Return how well issues match the wrong labels, if these are known."""
    wrong = records.wrong
    if wrong is None or wrong.all() or not wrong.any():
        return {}
    ranked, suspected = wrong[issues.order], issues.is_issue
    corrected = records.true == issues.suggested
    falling = np.arange(len(ranked), 0, -1)
    metrics = {
        "auroc": roc_auc_score(ranked, falling),
        "average_precision": average_precision_score(ranked, falling),
    }
    for k in {k for k in PRECISION_AT if k < len(ranked)} | {wrong.sum()}:
        metrics[f"precision_at_{k}"] = ranked[:k].mean()
    if suspected.any():
        metrics["precision_of_issues"] = wrong[suspected].mean()
        metrics["recall_of_issues"] = suspected[wrong].mean()
    if (suspected & wrong).any():
        metrics["suggestion_right"] = corrected[suspected & wrong].mean()
    return {name: float(value) for name, value in metrics.items()}


def overall_summary(
    records: LabelRecords, issues: LabelIssues
) -> dict[str, float]:
    """Return the estimated noise of all labels, and whether to trust it."""
    n, wrong = len(records), float(issues.score.sum())
    low, high = wilson(wrong, n)
    disagreement = float(records.columns["disagreement"].mean())
    # A network that agrees with nearly all labels, or disagrees far more often
    # than scores say, cannot tell how many are wrong.
    unreliable = disagreement < MIN_DISAGREEMENT or wrong / n < disagreement / 4
    return {
        "examples": n,
        "classes": len(records.class_names),
        "issues": int(issues.is_issue.sum()),
        "noise": wrong / n,
        "noise_low": low,
        "noise_high": high,
        "noise_estimate_unreliable": unreliable,
        "most_labels_suspected": wrong / n > MOSTLY_WRONG,
        **detection_metrics(records, issues),
    }
