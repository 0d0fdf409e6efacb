"""From raw data to what a run trains on, learns weights from and tests on.

The order matters: the clean meta set is taken out first, then the tail is cut,
then labels are corrupted. So meta labels are true and never in training.
"""

import dataclasses
import hashlib
import warnings
from collections.abc import Callable, Mapping

import gin
import numpy as np

from fsr_gdw_tf.data import corruption
from fsr_gdw_tf.data.label_overrides import apply_overrides
from fsr_gdw_tf.data.source import (
    ArrayReader,
    Source,
    join,
    require_all_classes,
)
from fsr_gdw_tf.errors import InvalidInput


@dataclasses.dataclass(frozen=True)
class Splits:
    """Training, test and (maybe) clean meta examples, all disjoint.

    `others` are more tests of the same classes, by name.
    """

    train: Source
    test: Source
    meta: Source | None = None
    meta_in_training: bool = False
    others: Mapping[str, Source] = dataclasses.field(default_factory=dict)

    @property
    def sources(self) -> list[Source]:
        """All of them."""
        meta = [self.meta] if self.meta else []
        return [self.train, self.test, *meta, *self.others.values()]

    @property
    def training(self) -> Source:
        """What batches are made of: with the clean examples, if wanted."""
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
    """Load, take the clean meta set out, then corrupt what is left.

    cleaned: a list that `report --apply` wrote, which overrules the labels.
    """
    if load is None:
        raise InvalidInput(
            "the configuration names no data: include a file of gin/data/, or "
            "set prepare.load"
        )
    splits = load()
    rng = np.random.default_rng(seed)
    train, meta = splits.train, splits.meta
    if meta_per_class:
        train, meta = take_per_class(train, meta_per_class, rng)
    if train_examples is not None:
        train = train.subset(_some(len(train), train_examples, rng))
    require_all_classes(train, "the training set")
    train = corrupt(train, rng=np.random.default_rng([seed, 1]))
    if cleaned:
        train = apply_overrides(train, cleaned)
    require_all_classes(train, "what is left of the training set")
    if meta_in_training and meta is None:
        raise InvalidInput(
            "META_IN_TRAINING needs clean images; set META_PER_CLASS, or use "
            "data that bring a meta set"
        )
    return Splits(train, splits.test, meta, meta_in_training, splits.others)


def check_meta(train: Source, meta: Source) -> None:
    """A meta set shares no example with training, and has every class."""
    missing = [
        str(meta.class_names[c]) for c in np.flatnonzero(meta.counts() == 0)
    ]
    if missing:
        warnings.warn(
            f"the meta set has no example of {len(missing)} class(es): "
            f"{', '.join(missing[:10])}; nothing speaks for them",
            stacklevel=3,
        )
    if train.reader is meta.reader:
        shared = set(train.rows) & set(meta.rows)
    else:
        shared = _keys(train) & _keys(meta)
    if shared:
        raise InvalidInput(
            f"{len(shared)} of the {len(meta)} meta examples are in the "
            "training set as well, perhaps with another label; take them out "
            "of it (and pass meta_in_training=True to train on them, too)"
        )


def _keys(source: Source) -> set:
    """What tells the examples of different sources apart."""
    reader = source.reader
    if not isinstance(reader, ArrayReader):
        return {reader.name(row) for row in source.rows}
    inputs = reader.inputs.numpy()  # no copy on a CPU
    return {
        hashlib.blake2b(inputs[row].tobytes(), digest_size=16).digest()
        for row in source.rows
    }


def take_per_class(
    source: Source, per_class: int, rng: np.random.Generator
) -> tuple[Source, Source]:
    """Split into (the rest, `per_class` random examples of each class)."""
    if per_class < 0:
        raise InvalidInput(f"meta_per_class must be 0 or more, got {per_class}")
    taken = []
    for c, count in enumerate(source.counts()):
        if count <= per_class:
            raise InvalidInput(
                f"a meta set of {per_class} per class leaves nothing of class "
                f"{source.class_names[c]!r}, which has {count} examples; "
                "lower meta_per_class"
            )
        members = np.flatnonzero(source.labels == c)
        taken.append(rng.choice(members, per_class, replace=False))
    taken = np.sort(np.concatenate(taken))
    rest = np.setdiff1d(np.arange(len(source)), taken)
    return source.subset(rest), source.subset(taken)


def stratified_split(
    source: Source, examples: int, seed: int
) -> tuple[Source, Source]:
    """(training, test): a random test set, each class in its share."""
    if not 0 < examples < len(source):
        raise InvalidInput(
            f"cannot hold {examples} of {len(source)} examples out for test"
        )
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(source))
    # Sorted by class and cut at even distances, every class gets its share.
    order = order[np.argsort(source.labels[order], kind="stable")]
    cuts = (np.arange(examples) + 0.5) * len(source) / examples
    test = np.sort(order[cuts.astype(int)])
    rest = np.setdiff1d(np.arange(len(source)), test)
    return source.subset(rest), source.subset(test)


def _some(n: int, wanted: int, rng: np.random.Generator) -> np.ndarray:
    if not 0 < wanted <= n:
        raise InvalidInput(f"train_examples must be in 1 to {n}, got {wanted}")
    return np.sort(rng.choice(n, wanted, replace=False))
