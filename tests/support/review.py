"""A review of a few labels: its decisions, and a server of it."""

import dataclasses

import numpy as np
from support.label_records import issues_of, records

from fsr_gdw_tf.label_review.session import Session

GIVEN = [0, 0, 1, 1, 2, 2]
SUGGESTED = [1, 0, 0, 1, 2, 1]
SCORE = [0.95, 0.05, 0.92, 0.02, 0.03, 0.6]


def six_labels(names=None):
    """Return records and issues: labels 0, 2 and 5 of six are suspected."""
    found = records(GIVEN, np.eye(3)[SUGGESTED])
    found = dataclasses.replace(found, names=names or found.names)
    return found, issues_of(SCORE, GIVEN, SUGGESTED)


def session(folder, names=None) -> Session:
    """Return a new session on the decisions.csv of a folder."""
    return Session(*six_labels(names), folder / "decisions.csv")
