"""The training, meta and test sets of a run.

The order matters: the clean meta set is split off first, then the training set
is made long-tailed, then its labels are corrupted. So labels of the meta set
are clean, and none of its examples is in the training set.
"""

import dataclasses
import warnings
from collections.abc import Callable, Mapping

import gin
import numpy as np

from fsr_gdw_tf.data import corruption
from fsr_gdw_tf.data.label_overrides import apply_to_both
from fsr_gdw_tf.data.overlap import count_shared
from fsr_gdw_tf.data.source import (
    Source,
    join,
    require_all_classes,
)
from fsr_gdw_tf.distribution.hosts import print_on_chief
from fsr_gdw_tf.errors import InvalidInput


@dataclasses.dataclass(frozen=True)
class Splits:
    """Disjoint training, test and (optionally) clean meta sets.

    meta_in_training: train on the meta set as well.
    others: further test sets of the same classes, by name.
    known: examples of `train` that have a given and a true label.
    score_test: whether the label report has the labels of the test set, too.
    """

    train: Source
    test: Source
    meta: Source | None = None
    meta_in_training: bool = False
    others: Mapping[str, Source] = dataclasses.field(default_factory=dict)
    known: Source | None = None
    score_test: bool = False

    @property
    def sources(self) -> list[Source]:
        """Return all sets of examples, the training set first."""
        meta = [self.meta] if self.meta else []
        return [self.train, self.test, *meta, *self.others.values()]

    @property
    def training(self) -> Source:
        """Return the examples to train on: `train`, with `meta` if set so."""
        return (
            join(self.train, self.meta) if self.meta_in_training else self.train
        )


@gin.register
def prepare(
    load: Callable[[], Splits] | None = None,
    corrupt: Callable[..., Source] = corruption.corrupt,
    meta_per_class: int = 0,
    meta_in_training: bool = False,
    train_examples: int | None = None,
    cleaned: str | None = None,
    seed: int = 0,
) -> Splits:
    """Load the data, split off a clean meta set, and corrupt the rest.

    meta_per_class: meta examples per class; 0 keeps the data's own meta set.
    train_examples: size of a random subset to train on.
    cleaned: a list written by `report --apply`, which replaces the labels.
    """
    splits, rng = _load(load), np.random.default_rng(seed)
    train, meta = _split_meta(splits, meta_per_class, rng)
    if train_examples is not None:
        train = train.subset(_random_subset(len(train), train_examples, rng))
    require_all_classes(train, "the training set")
    # A separate generator: the draws above do not shift the label noise.
    train = corrupt(train, rng=np.random.default_rng([seed, 1]))
    splits = dataclasses.replace(
        splits, train=train, meta=meta, meta_in_training=meta_in_training
    )
    if cleaned:
        splits = _with_overrides(splits, cleaned)
    require_all_classes(splits.train, "what is left of the training set")
    _check_meta_in_training(meta_in_training, meta)
    return splits


def _split_meta(
    splits: Splits, per_class: int, rng: np.random.Generator
) -> tuple[Source, Source | None]:
    """Return (training set, meta set), which is the data's own unless set."""
    if not per_class:
        return splits.train, splits.meta
    train, meta = take_per_class(splits.train, per_class, rng)
    if splits.score_test:  # the user's own images
        print_on_chief(
            f"META_PER_CLASS={per_class} takes {len(meta)} of your images as "
            "clean, whose labels nobody has checked; META_DIR or META_LIST "
            "names those that are"
        )
    return train, meta


def _with_overrides(splits: Splits, cleaned: str) -> Splits:
    """Return the examples of a cleaned list, with its labels."""
    test = splits.test if splits.score_test else None
    train, test = apply_to_both(splits.train, test, cleaned)
    test = splits.test if test is None else test
    return dataclasses.replace(splits, train=train, test=test)


def _load(load: Callable[[], Splits] | None) -> Splits:
    if load is None:
        raise InvalidInput(
            "the configuration has no data set; include a file of gin/data/, "
            "or set prepare.load"
        )
    return load()


def _check_meta_in_training(joined: bool, meta: Source | None) -> None:
    if joined and meta is None:
        raise InvalidInput(
            "META_IN_TRAINING=True needs a meta set; set META_PER_CLASS, or "
            "META_DIR or META_LIST for your own images"
        )


def check_meta(train: Source, meta: Source) -> None:
    """Raise if both sets share an example; warn if `meta` lacks a class."""
    missing = [
        str(meta.class_names[c]) for c in np.flatnonzero(meta.counts() == 0)
    ]
    if missing:
        warnings.warn(
            f"the meta set has no example of {len(missing)} class(es): "
            f"{', '.join(missing[:10])}; their weights are learned without "
            "clean examples",
            stacklevel=3,
        )
    require_disjoint(count_shared(train, meta), meta)


def require_disjoint(shared: int, meta: Source) -> None:
    """Raise if some examples of the meta set are trained on as well."""
    if shared:
        raise InvalidInput(
            f"{shared} of the {len(meta)} meta examples are also in the "
            "training set, perhaps with another label; remove them from it "
            "(meta_in_training=True trains on the meta set as well)"
        )


def take_per_class(
    source: Source, per_class: int, rng: np.random.Generator
) -> tuple[Source, Source]:
    """Return (the rest, `per_class` random examples of each class)."""
    if per_class < 0:
        raise InvalidInput(f"meta_per_class must be 0 or more, got {per_class}")
    taken = []
    for c, count in enumerate(source.counts()):
        if count <= per_class:
            raise InvalidInput(
                f"a meta set of {per_class} per class leaves no training "
                f"example of class {source.class_names[c]!r}, which has "
                f"{count} examples; lower meta_per_class"
            )
        members = np.flatnonzero(source.labels == c)
        taken.append(rng.choice(members, per_class, replace=False))
    taken = np.sort(np.concatenate(taken))
    rest = np.setdiff1d(np.arange(len(source)), taken)
    return source.subset(rest), source.subset(taken)


def stratified_split(
    source: Source, examples: int, seed: int
) -> tuple[Source, Source]:
    """Return (training set, random test set) of equal class proportions."""
    if not 0 < examples < len(source):
        raise InvalidInput(
            f"the test set must have 1 to {len(source) - 1} of the "
            f"{len(source)} examples, got {examples}; change test_share or "
            "test_examples"
        )
    test = stratified_sample(source.labels, examples, seed)
    rest = np.setdiff1d(np.arange(len(source)), test)
    return source.subset(rest), source.subset(test)


def stratified_sample(
    labels: np.ndarray, examples: int, seed: int
) -> np.ndarray:
    """Return random examples of equal class proportions, as sorted indices."""
    order = np.random.default_rng(seed).permutation(len(labels))
    # Evenly spaced positions of the shuffled examples, sorted by class.
    order = order[np.argsort(labels[order], kind="stable")]
    positions = (np.arange(examples) + 0.5) * len(labels) / examples
    return np.sort(order[positions.astype(int)])


def _random_subset(n: int, size: int, rng: np.random.Generator) -> np.ndarray:
    if not 0 < size <= n:
        raise InvalidInput(f"train_examples must be in 1 to {n}, got {size}")
    return np.sort(rng.choice(n, size, replace=False))
