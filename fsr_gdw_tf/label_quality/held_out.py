"""Records of labels that were held out: of the test set.

They are scored by the predictions of the trained network, which has not seen
them, beside the training labels; nothing else is known of them.
"""

import dataclasses

import numpy as np

from fsr_gdw_tf.data.source import Source
from fsr_gdw_tf.label_quality.label_records import HELD_OUT, LabelRecords

TINY = 1e-7


def with_held_out(
    records: LabelRecords, source: Source, probs: np.ndarray
) -> LabelRecords:
    """Return records with rows for the examples of a test set behind them.

    Records that have such rows are returned as they are.

    probs: the predictions of the trained network, `[examples, classes]`.
    """
    if records.held_out.any():
        return records
    n, k = len(source), records.top.shape[1]
    top = np.argsort(-probs, axis=1, kind="stable")[:, :k]
    new = _columns(source, probs)
    columns = {
        name: np.append(column, new.get(name, _typical(column, n)))
        for name, column in records.columns.items()
    }
    columns[HELD_OUT] = np.repeat([False, True], [len(records), n])
    true = records.true
    if true is not None:
        known = source.true_labels
        true = np.append(true, source.labels if known is None else known)
    return dataclasses.replace(
        records,
        names=[*records.names, *source.all_names()],
        given=np.append(records.given, source.labels),
        columns=columns,
        top=np.concatenate([records.top, top.astype(records.top.dtype)]),
        top_probs=np.concatenate(
            [records.top_probs, np.take_along_axis(probs, top, axis=1)]
        ).astype(records.top_probs.dtype),
        true=true,
    )


def _columns(source: Source, probs: np.ndarray) -> dict[str, np.ndarray]:
    """Return what is known: one prediction, which counts as a visit."""
    probability = probs[np.arange(len(source)), source.labels]
    return {
        "visits": np.ones(len(source)),
        "probability": probability,
        "loss": -np.log(np.maximum(probability, TINY)),
        "disagreement": (probs.argmax(axis=1) != source.labels).astype(float),
        "learned_label": source.labels,
        **dict.fromkeys(
            ("weighed", "zero_weight", "forgotten"), np.zeros(len(source))
        ),
    }


def _typical(column: np.ndarray, n: int) -> np.ndarray:
    """Return n values that leave the mean of a column as it is."""
    return np.full(n, column.mean()).astype(column.dtype)
