"""Look at images in files, and at what training on them would take.

Nothing is trained and nothing is written. Of many images a sample is decoded,
and the text says so.
"""

import dataclasses
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from rich.markup import escape

from fsr_gdw_tf.command_line import printable
from fsr_gdw_tf.data import Source, Splits
from fsr_gdw_tf.data.file_reader import FileReader
from fsr_gdw_tf.data.image_check import ImageFacts, check_images
from fsr_gdw_tf.distribution.hosts import is_chief, print_on_chief
from fsr_gdw_tf.errors import InvalidInput
from fsr_gdw_tf.experiments import automatic, gin_config
from fsr_gdw_tf.experiments.copies import (
    TEST,
    TRAIN,
    Copies,
    Example,
    examples_of,
    find_copies,
    messages,
)
from fsr_gdw_tf.experiments.experiment import Experiment
from fsr_gdw_tf.experiments.step_estimate import StepEstimate, estimate_step
from fsr_gdw_tf.io.console import print_table

SAMPLE = 2000  # images that are decoded
SHOWN = 10  # lines of each list
FEW = 5  # images of a class, below which it is named


class DataCheck(NamedTuple):
    """What was found: `decoded` are facts of the examples in `sample`.

    seconds: to decode an image, with all threads at work.
    """

    examples: list[Example]
    sample: list[int]
    decoded: list[ImageFacts]
    copies: Copies
    seconds: float

    @property
    def broken(self) -> list[tuple[str, str]]:
        """Return (path, reason) of the images that cannot be decoded."""
        pairs = zip(self.sample, self.decoded, strict=True)
        return [(self.examples[i].path, f.error) for i, f in pairs if f.error]


def check_data() -> None:
    """Print what is in the data of the configuration, and what it takes."""
    splits = automatic.list_data()
    found = check(splits)
    print_findings(splits, found)
    automatic.apply_choices()
    experiment = gin_config.instantiate(Experiment)
    splits = dataclasses.replace(splits, train=_usable(splits.train, found))
    _, classifier = experiment.prepare(splits)
    step = estimate_step(classifier, experiment.pipeline)
    for line in cost_lines(splits, found, experiment, step):
        print_on_chief(line)


def print_findings(splits: Splits, found: DataCheck) -> None:
    """Print the classes, and what is to be known of the files."""
    if is_chief():
        print_classes(splits)
    for line in data_lines(splits, found):
        print_on_chief(printable(line))  # names of files may be of others


def check(splits: Splits, sample: int = SAMPLE) -> DataCheck:
    """Decode a sample of the images, and find copies.

    Identical files are found among all images, similar ones in the sample.
    """
    examples = examples_of(splits)
    step = max(1, -(-len(examples) // sample))
    rows = list(range(0, len(examples), step))
    start = time.perf_counter()
    decoded = check_images(FileReader([examples[i].path for i in rows]))
    seconds = (time.perf_counter() - start) / len(rows)
    for i, facts in zip(rows, decoded, strict=True):
        examples[i] = examples[i]._replace(small=facts.small)
    return DataCheck(examples, rows, decoded, find_copies(examples), seconds)


def _usable(train: Source, found: DataCheck) -> Source:
    """Return the training images without broken ones, a good one first.

    The network is built for the first image. The first examples of a check
    are those of the training set.
    """
    pairs = zip(found.sample, found.decoded, strict=True)
    errors = {i: facts.error for i, facts in pairs if i < len(train)}
    good = [i for i, error in errors.items() if not error]
    if not good:
        raise InvalidInput(
            f"none of {len(errors):,} images can be decoded, the first is "
            f"{train.name(0)}: {errors[0]}"
        )
    others = [i for i in range(len(train)) if not errors.get(i)]
    return train.subset(np.array([good[0], *(set(others) - {good[0]})]))


def print_classes(splits: Splits) -> None:
    """Print the number of images of each class."""
    counts = splits.train.counts().tolist(), splits.test.counts().tolist()
    names = [escape(printable(str(n))) for n in splits.train.class_names]
    rows = [
        {"class": name, "train": train, "test": test}
        for name, train, test in zip(names, *counts, strict=True)
    ]
    rows.sort(key=lambda row: -row["train"])
    title = f"Images of {len(rows):,} classes"
    if len(rows) > 2 * SHOWN:
        title += f", the {SHOWN} largest and the {SHOWN} smallest"
        rows = rows[:SHOWN] + rows[-SHOWN:]
    print_table(title, rows)


def data_lines(splits: Splits, found: DataCheck) -> Iterator[str]:
    """Yield what is to be known of the files, a line each."""
    train, test = splits.train, splits.test
    yield f"{len(train):,} images to train on, {len(test):,} to test on."
    if len(found.sample) < len(found.examples):
        yield (
            f"Decoded: {len(found.sample):,} of {len(found.examples):,} images"
            ", evenly spaced; training decodes all of them first."
        )
    yield from _size_lines(found.decoded)
    yield from _listed("cannot be decoded", found.broken)
    yield from _listed("not used", train.unreadable)
    yield from _class_warnings(train)
    yield from _copy_lines(found.copies)


def _size_lines(decoded: Sequence[ImageFacts]) -> Iterator[str]:
    """Yield the sides and the colour of the images."""
    whole = [facts for facts in decoded if not facts.error]
    if not whole:
        return
    areas = np.argsort([f.height * f.width for f in whole], kind="stable")
    small, middle, large = (
        f"{whole[i].width} x {whole[i].height}"
        for i in (areas[0], areas[len(areas) // 2], areas[-1])
    )
    grey = sum(f.is_grey for f in whole)
    yield (
        f"Sizes: {small} to {large}, median {middle}; "
        f"{grey:,} of {len(whole):,} images are grey."
    )


def _listed(what: str, files: Sequence[tuple[str, str]]) -> Iterator[str]:
    """Yield the number of files, and the first ones with their reasons."""
    if not files:
        return
    yield f"{len(files):,} file(s) {what}:"
    yield from (f"  {path}: {reason}" for path, reason in files[:SHOWN])
    if len(files) > SHOWN:
        yield f"  and {len(files) - SHOWN:,} more"


def _class_warnings(train: Source) -> Iterator[str]:
    counts = train.counts()
    few = [str(train.class_names[c]) for c in np.flatnonzero(counts < FEW)]
    if few:
        more = " and others" if len(few) > SHOWN else ""
        yield (
            f"warning: {len(few):,} class(es) have fewer than {FEW} images "
            f"to train on: {', '.join(few[:SHOWN])}{more}"
        )


def _copy_lines(copies: Copies) -> Iterator[str]:
    """Yield the number of copies, and the first groups."""
    for kind, groups in (
        ("identical files", copies.identical),
        ("images that look the same", copies.similar),
    ):
        if groups:
            yield f"{len(groups):,} group(s) of {kind}:"
            yield from map(_group_line, groups[:SHOWN])
            if len(groups) > SHOWN:
                yield f"  and {len(groups) - SHOWN:,} more"
    yield from messages(copies)


def _group_line(group: Sequence[Example]) -> str:
    parts = [f"{e.path} ({e.label}, {e.split})" for e in group[:3]]
    more = f", and {len(group) - 3:,} more" if len(group) > 3 else ""
    return f"  {', '.join(parts)}{more}"


def cost_lines(
    splits: Splits,
    found: DataCheck,
    experiment: Experiment,
    step: StepEstimate,
) -> Iterator[str]:
    """Yield steps, memory and time of a run."""
    images = Counter(example.split for example in found.examples)
    steps, epochs = experiment.pipeline.steps(splits.train), experiment.epochs
    reading = images[TRAIN] * found.seconds
    testing = images[TEST] * max(step.seconds_per_image / 3, found.seconds)
    epoch = max(steps * step.seconds, reading) + testing
    sizes = [f.bytes for f in found.decoded if not f.error]
    on_disk = np.mean(sizes or [0]) * len(found.examples)
    yield (
        f"Steps: {steps:,} of {experiment.pipeline.batch_size} images in an "
        f"epoch, {epochs * steps:,} in {epochs} epochs."
    )
    yield (
        f"Memory: about {as_bytes(step.memory)} for the network and a batch; "
        f"the files have {as_bytes(on_disk)}, which CACHE=True would keep in "
        "memory, too."
    )
    yield (
        f"Time on this machine: about {as_time(epochs * epoch)} for plain "
        f"training ({1000 * step.seconds:.0f} ms a step, measured on a network "
        "that is thrown away), to which the method adds its own: the default "
        "0.2 to 0.5 of it, others see docs/results/cost.md."
    )
    if reading > steps * step.seconds:
        yield "Reading the images takes longer than the steps; see CACHE."


def as_bytes(size: float) -> str:
    """Return a number of bytes in MiB, or GiB from one on."""
    if size >= 2**30:
        return f"{size / 2**30:.1f} GiB"
    return f"{max(size / 2**20, 0.1):.1f} MiB"


def as_time(seconds: float) -> str:
    """Return seconds, minutes or hours, with two digits."""
    for unit, length in (("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{float(f'{seconds / length:.2g}'):g} {unit}"
    return f"{max(seconds, 1):.0f} seconds"
