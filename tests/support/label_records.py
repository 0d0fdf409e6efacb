"""Label records and label issues with known numbers."""

import numpy as np

from fsr_gdw_tf.label_quality.label_issues import LabelIssues, ranks_within
from fsr_gdw_tf.label_quality.label_records import LabelRecords


def records(given, probs, true=None, **columns) -> LabelRecords:
    """Return label records with these mean predictions."""
    given, probs = np.asarray(given), np.asarray(probs, np.float32)
    n = np.arange(len(given))
    top = np.argsort(-probs, axis=1)[:, :5]
    columns = {
        "visits": np.full(len(given), 10.0),
        "probability": probs[n, given],
        "disagreement": (top[:, 0] != given).astype(float),
        **columns,
    }
    return LabelRecords(
        names=[f"images/{i}.jpg" for i in n],
        given=given,
        class_names=[f"class {c}" for c in range(probs.shape[1])],
        columns=columns,
        top=top,
        top_probs=np.take_along_axis(probs, top, axis=1),
        true=None if true is None else np.asarray(true),
        training_info={"method": "FSR", "regularisers": [], "epochs": 3},
    )


def simulated(n=4000, noise=0.2, classes=5, sizes=None, seed=0, skill=4.0):
    """Return records of a network that mostly predicts the true label."""
    rng = np.random.default_rng(seed)
    sizes = np.full(classes, n // classes) if sizes is None else sizes
    true = np.repeat(np.arange(classes), sizes)
    wrong = rng.random(len(true)) < noise
    step = rng.integers(1, classes, len(true))
    given = np.where(wrong, (true + step) % classes, true)
    # A rare class is predicted less: its log prior is part of every logit.
    logits = rng.normal(size=(len(true), classes)) + np.log(sizes / n)
    logits[np.arange(len(true)), true] += skill
    probs = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    return records(given, probs, true)


def issues_of(score, given, suggested=None) -> LabelIssues:
    """Return label issues with these scores and suggestions."""
    score, given = np.asarray(score, float), np.asarray(given)
    order = np.argsort(-score, kind="stable")
    suggested = given if suggested is None else np.asarray(suggested)
    rank = ranks_within(given, order)
    return LabelIssues(score, suggested, rank, suggested != given, order)


ACTIONS = {
    "drop": [("images/0.jpg", "class 0"), ("images/2.jpg", "class 1")],
    "relabel": [
        ("images/0.jpg", "class 0"),
        ("images/1.jpg", "class 0"),
        ("images/2.jpg", "class 1"),
    ],
    "weights": [
        ("images/0.jpg", "class 0", 0.8),
        ("images/1.jpg", "class 1", 0.0),
        ("images/2.jpg", "class 1", 0.3),
    ],
}
