"""The splits of runs that belong to others: `Experiment.data` of a stage."""

import dataclasses
from collections.abc import Callable

import gin
import numpy as np

from fsr_gdw_tf.data import corruption
from fsr_gdw_tf.data.label_overrides import apply_overrides
from fsr_gdw_tf.data.source import Source, join
from fsr_gdw_tf.data.splits import Splits
from fsr_gdw_tf.errors import InvalidInput


@gin.register
def listed_splits(
    data: Callable[[], Splits], train: str, test: str | None = None
) -> Splits:
    """Return splits whose training set is a list of training examples.

    The list may lack a class: what a stage selects need not have all of them.

    data: returns the splits that the lists are of.
    test: a list of training examples to test on, with the labels that they are
        given in training, right or wrong; by default the test set stays.
    """
    splits = data()
    chosen = apply_overrides(splits.train, train)
    if test is None:
        return dataclasses.replace(splits, train=chosen)
    held_out = apply_overrides(splits.train, test)
    return dataclasses.replace(splits, train=chosen, test=held_out, others={})


@gin.register
def known_label_splits(
    data: Callable[[], Splits],
    corrupt: Callable[..., Source] = corruption.corrupt,
    noise: float = 0.4,
    seed: int = 0,
) -> Splits:
    """Return splits whose training set has the meta set with noisy labels.

    These are examples of which both the given and the true label are known.
    """
    splits = data()
    if splits.meta is None:
        raise InvalidInput(
            "no examples with known labels: set META_PER_CLASS, or use data "
            "that have a meta set"
        )
    rng = np.random.default_rng([seed, 2])
    known = corrupt(splits.meta, noise=noise, imbalance=1.0, rng=rng)
    train, true = join(splits.train, known), splits.train.true_labels
    if true is not None:
        true = np.append(true, known.true_labels)
    # `join` takes labels of a meta set for verified, which these are not.
    train = dataclasses.replace(train, n_clean=0, true_labels=true)
    return dataclasses.replace(
        splits, train=train, known=known, meta_in_training=False
    )
