"""What the statistics come to: numbers for the page and for other programs."""

import numpy as np
from scipy.stats import norm
from sklearn.metrics import average_precision_score, roc_auc_score

from fsr_gdw_tf.label_quality.label_issues import LabelIssues
from fsr_gdw_tf.label_quality.label_records import LabelRecords

AGREED = 0.02  # share of other predictions under which nothing can be told
UNDECIDED = 0.7  # share of wrong labels above which none is believed
PRECISION_AT = (100, 1000)


def wilson(hits: float, n: float, level: float = 0.95) -> tuple[float, float]:
    """Wilson's interval of a share: of `hits` among `n`."""
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
    """A row for each class: imbalance and noise side by side.

    effective_n: how many of its labels are probably right. Intervals are those
    of sampling alone.
    """
    s, classes = records, len(records.class_names)
    n = np.bincount(s.given, minlength=classes)
    wrong = np.bincount(s.given, issues.score, classes)
    weight = s.columns.get("weight")
    if weight is not None:
        weight = np.bincount(s.given, weight, classes) / np.maximum(n, 1)
    rows = []
    for c, name in enumerate(s.class_names):
        low, high = wilson(wrong[c], n[c])
        rows.append(
            {
                "class": name,
                "n": int(n[c]),
                "part": frequency_group(n[c], n.max()),
                "effective_n": float(n[c] - wrong[c]),
                "mean_weight": None if weight is None else float(weight[c]),
                "noise": float(wrong[c] / max(n[c], 1)),
                "noise_low": low,
                "noise_high": high,
                "recall": (recalls or {}).get(name),
            }
        )
    return rows


def frequency_group(n: int, largest: int) -> str:
    """Head, medium or tail, by the size of the largest class."""
    if 3 * n >= largest:
        return "head"
    return "medium" if 10 * n >= largest else "tail"


def noise_matrix(records: LabelRecords, issues: LabelIssues) -> np.ndarray:
    """Counts of (given class, suggested class)."""
    classes = len(records.class_names)
    cells = records.given * classes + issues.suggested
    return np.bincount(cells, minlength=classes**2).reshape(classes, classes)


def detection_metrics(
    records: LabelRecords, issues: LabelIssues
) -> dict[str, float]:
    """How good the ranking is, where the truth is known."""
    wrong = records.wrong
    if wrong is None or wrong.all() or not wrong.any():
        return {}
    found, suspected = wrong[issues.order], issues.is_issue
    right = records.true == issues.suggested
    last = np.arange(len(found), 0, -1)
    measured = {
        "auroc": roc_auc_score(found, last),
        "average_precision": average_precision_score(found, last),
    }
    for k in {k for k in PRECISION_AT if k < len(found)} | {wrong.sum()}:
        measured[f"precision_at_{k}"] = found[:k].mean()
    if suspected.any():
        measured["precision_of_issues"] = wrong[suspected].mean()
        measured["recall_of_issues"] = suspected[wrong].mean()
    if (suspected & wrong).any():
        measured["suggestion_right"] = right[suspected & wrong].mean()
    return {name: float(value) for name, value in measured.items()}


def overall_summary(records: LabelRecords, issues: LabelIssues) -> dict:
    """What is thought of the labels as a whole, and how much to trust it."""
    n, wrong = len(records), float(issues.score.sum())
    low, high = wilson(wrong, n)
    contested = float(records.columns["disagreement"].mean())
    return {
        "examples": n,
        "classes": len(records.class_names),
        "issues": int(issues.is_issue.sum()),
        "noise": wrong / n,
        "noise_low": low,
        "noise_high": high,
        "noise_estimate_unreliable": contested < AGREED
        or wrong / n < contested / 4,
        "most_labels_suspected": wrong / n > UNDECIDED,
        **detection_metrics(records, issues),
    }
