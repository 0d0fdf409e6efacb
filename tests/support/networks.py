"""Counts of parameters."""

import numpy as np


def parameters(parts) -> int:
    features, head = parts
    variables = [*features.trainable_variables, *head.trainable_variables]
    return sum(int(np.prod(v.shape)) for v in variables)
