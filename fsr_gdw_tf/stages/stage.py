"""A stage: one run of several, described by the settings that it changes.

A plan is a generator. It yields stages, and gets back the folder of each when
its run is complete:

    def plan(inputs: StageInputs):
        first = yield Stage("first", ("EPOCHS=10",))
        path = first / "model.keras"
        yield Stage("last", (setting("MentorNet.mentor", path),))

`Experiment.stages = @plan` makes a recipe of it. What a stage hands on are
files: a list of examples (CLEANED), a network, a fitted head. So each stage is
a run like any other, that resumes and can be looked at, and a plan that starts
again takes the results of complete stages from their folders.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np

from fsr_gdw_tf.classifier import Classifier
from fsr_gdw_tf.data import InputPipeline, Source, Splits
from fsr_gdw_tf.io.run_folder import BEST_NETWORK, NETWORK, RunFolder

# How a stage trains that shall not depend on the recipe's method.
PLAIN = (
    "ClassifierConfig.method=@Supervised()",
    "ClassifierConfig.regularisers=[]",
    "TRACK_LABELS=False",
)


class Stage(NamedTuple):
    """A run: the name of its folder, and the bindings that it changes."""

    name: str
    params: Sequence[str] = ()


class StageInputs(NamedTuple):
    """What a plan may look at: the recipe's data and schedule.

    folder: that of all stages; `pipeline` is the one of tests.
    """

    folder: RunFolder
    splits: Splits
    pipeline: InputPipeline
    epochs: int
    seed: int


def uses_clean_images(plan: Callable) -> Callable:
    """Mark a plan that learns from the meta set, as `Method.uses_meta` does."""
    plan.uses_meta = True
    return plan


def setting(name: str, value: object) -> str:
    """Return a binding; a path or a text is written in quotes."""
    value = str(value) if isinstance(value, Path) else value
    return f"{name}={value!r}"


def trained_network_path(folder: RunFolder) -> Path:
    """Return the network of a complete run: of its best epoch, if kept."""
    best = folder / BEST_NETWORK
    return best if best.is_file() else folder / NETWORK


def predict_probs(
    network: keras.Model, source: Source, pipeline: InputPipeline
) -> np.ndarray:
    """Return a network's class probabilities, `[examples, classes]`."""
    classifier = Classifier.wrap(network, "supervised", track_labels=False)
    return classifier.predict_probs(source, pipeline=pipeline)
