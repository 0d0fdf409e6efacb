"""Copies among the images of a run: with other labels, or in the test set."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from fsr_gdw_tf.data import Splits
from fsr_gdw_tf.data.duplicates import exact_groups, near_pairs
from fsr_gdw_tf.data.file_reader import FileReader

EXACT, NEAR = "identical", "similar"  # kinds of copies
TRAIN, TEST = "train", "test"
FILE_NAME = "duplicates.csv"


class Example(NamedTuple):
    """An image file; `bytes` and `small` are None if they are unknown."""

    path: str
    label: str
    split: str
    bytes: int | None = None
    small: np.ndarray | None = None


class Copies(NamedTuple):
    """Groups of copies: identical files, and images of the same look."""

    identical: list[list[Example]]
    similar: list[list[Example]]

    @property
    def conflicts(self) -> list[list[Example]]:
        """Return the groups of identical files that have different labels."""
        groups = self.identical
        return [g for g in groups if len({e.label for e in g}) > 1]

    def rows(self) -> list[dict]:
        """Return a row for each example in a group, for a CSV file."""
        kinds = [(EXACT, g) for g in self.identical]
        kinds += [(NEAR, g) for g in self.similar]
        return [
            {
                "group": number,
                "kind": kind,
                "path": example.path,
                "label": example.label,
                "split": example.split,
            }
            for number, (kind, group) in enumerate(kinds, 1)
            for example in group
        ]


def examples_of(splits: Splits) -> list[Example]:
    """Return the image files of all splits, with what is known of them."""
    named = [(TRAIN, splits.train), (TEST, splits.test)]
    named += [("meta", splits.meta)] if splits.meta else []
    found = []
    for split, source in named:
        if not isinstance(source.reader, FileReader):
            continue
        paths, facts = source.reader.paths, source.reader.facts
        for row, label in zip(source.rows, source.labels, strict=True):
            known = (facts[row].bytes, facts[row].small) if facts else ()
            name = str(source.class_names[label])
            found.append(Example(paths[row], name, split, *known))
    return found


def find_copies(examples: Sequence[Example]) -> Copies:
    """Return the groups of copies; of those without `small` identical ones."""
    paths = [example.path for example in examples]
    sizes = [example.bytes for example in examples]
    exact = exact_groups(paths, None if None in sizes else sizes)
    visible = [i for i, e in enumerate(examples) if e.small is not None]
    near = _near_groups(examples, visible) if visible else []
    same = {frozenset(group) for group in exact}
    return Copies(
        _sorted([examples[i] for i in group] for group in exact),
        _sorted(
            [examples[i] for i in group]
            for group in near
            if not any(set(group) <= known for known in same)
        ),
    )


def _near_groups(
    examples: Sequence[Example], visible: Sequence[int]
) -> list[list[int]]:
    """Return the indices of images that look the same, in groups."""
    pairs = near_pairs(np.stack([examples[i].small for i in visible]))
    if not len(pairs):
        return []
    n = len(visible)
    graph = coo_matrix((np.ones(len(pairs)), pairs.T), (n, n))
    _, group_of = connected_components(graph, directed=False)
    members = np.unique(pairs)
    order = members[np.argsort(group_of[members], kind="stable")]
    ends = np.flatnonzero(np.diff(group_of[order])) + 1
    return [[visible[i] for i in group] for group in np.split(order, ends)]


def _sorted(groups) -> list[list[Example]]:
    """Return groups in the order of their first paths."""
    key = [sorted(group, key=lambda e: e.path) for group in groups]
    return sorted(key, key=lambda group: group[0].path)


def messages(copies: Copies) -> list[str]:
    """Return what to know of the copies, a line each."""
    lines = []
    if copies.conflicts:
        lines.append(
            f"{len(copies.conflicts):,} group(s) of identical files have "
            "different labels: at least one of each is wrong"
        )
    for kind, groups, remedy in (
        (EXACT, copies.identical, "make the test accuracy too good: remove"),
        (NEAR, copies.similar, "may make the test accuracy too good: see"),
    ):
        leaked = [
            example
            for group in groups
            if {TRAIN, TEST} <= {e.split for e in group}
            for example in group
            if example.split == TEST
        ]
        if leaked:
            lines.append(
                f"warning: of {len(leaked):,} test image(s) there are {kind} "
                f"ones in the training set, such as {leaked[0].path}; they "
                f"{remedy} them"
            )
    return lines
