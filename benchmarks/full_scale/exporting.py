"""Build a cell's classifier, and turn its steps into programs."""

import dataclasses

import keras
import numpy as np
import tensorflow as tf
from full_scale import batches, epoch_programs
from full_scale.epoch_programs import META
from xla_programs import XlaProgram

from fsr_gdw_tf.classifier import Classifier
from fsr_gdw_tf.data import Source, Splits
from fsr_gdw_tf.data.augmentation import CropFlip
from fsr_gdw_tf.data.source import ArrayReader
from fsr_gdw_tf.errors import InvalidInput
from fsr_gdw_tf.experiments import gin_config
from fsr_gdw_tf.experiments.experiment import TEST_BATCH_SIZE, Experiment
from fsr_gdw_tf.method import Component

DICTIONARY = ("scores", "visits", "members", "labels", "content")


@dataclasses.dataclass
class Prepared:
    """A cell before its first step.

    images: the shape of the images of both splits, training images first.
    seed: the variable from which steps draw random numbers.
    steps: how many are one call of the program; they divide an epoch.
    """

    experiment: Experiment
    splits: Splits
    classifier: Classifier
    images: tuple[int, ...]
    seed: keras.Variable
    steps: int

    @property
    def examples(self) -> int:
        """The number of training examples."""
        return len(self.splits.training)

    @property
    def meta(self) -> Source | None:
        """The meta set, if each batch has a part of it."""
        method = self.classifier.method
        uses = method.uses_meta and method.meta_in_batches
        return self.splits.meta if uses else None

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """The examples of the cell: images, labels, members per class."""
        train, test = self.splits.training, self.splits.test
        first_test = self.images[0] - len(test.reader.inputs)
        arrays = {
            "rows": train.rows,
            "labels": train.labels,
            "test_rows": test.rows + first_test,
            "test_labels": test.labels,
            "members_per_class": members_per_class(self),
        }
        if self.meta is not None:
            arrays |= {"meta_rows": self.meta.rows}
            arrays |= {"meta_labels": self.meta.labels}
        if train.true_labels is not None:
            arrays["true_labels"] = train.true_labels
        return {k: v.astype(np.int32) for k, v in arrays.items()}


def build(data: Splits, steps: int | None = None) -> Prepared:
    """Return the configured cell of these data; raise if it needs TensorFlow.

    As `Experiment.train` and `fit` build it, without recorders, which do not
    change training. steps: of a call; None: of an epoch.
    """
    # Number layers anew, so that variables have the same names each time.
    keras.utils.clear_session(free_memory=False)
    experiment = gin_config.instantiate(Experiment)
    splits = experiment.data(load=lambda: data)
    splits, classifier = experiment.prepare(splits)
    classifier.recorders = []
    classifier.setup(splits.training, experiment.pipeline)
    require_exportable(experiment, splits, classifier)
    in_epoch = experiment.pipeline.steps(splits.training)
    if steps is not None and in_epoch % steps:
        raise InvalidInput(
            f"the steps of a call must divide those of an epoch, {in_epoch}; "
            f"got {steps}"
        )
    classifier.steps.assign(in_epoch)
    classifier.epochs.assign(experiment.epochs)
    n = len(data.train.reader.inputs) + len(data.test.reader.inputs)
    images = (n, *data.train.reader.inputs.shape[1:])
    seed = share_seed(classifier, experiment.seed)
    steps = steps or in_epoch
    return Prepared(experiment, splits, classifier, images, seed, steps)


def share_seed(classifier: Classifier, seed: int) -> keras.Variable:
    """Make the seed a variable, so that cells of other seeds share programs."""
    variable = keras.Variable(seed, None, "int32", False, name="random_seed")
    for component in [*classifier.components, classifier.method.dictionary]:
        if hasattr(component, "seed"):
            component.seed = variable
    return variable


def require_exportable(
    experiment: Experiment, splits: Splits, classifier: Classifier
) -> None:
    """Raise if an epoch needs more than a loop over train steps."""
    name = type(classifier.method).__name__
    dictionary = classifier.method.dictionary
    for component in classifier.components:
        if type(component).begin_epoch is not Component.begin_epoch:
            raise InvalidInput(
                f"{name} computes something between epochs, which needs "
                "TensorFlow; train it by python -m fsr_gdw_tf.main"
            )
    if type(experiment.pipeline.view) is not CropFlip:
        raise InvalidInput(
            "full-scale cells are augmented by CropFlip, got "
            f"{type(experiment.pipeline.view).__name__}"
        )
    if not isinstance(splits.training.reader, ArrayReader):
        raise InvalidInput("the training images must be in memory")
    if dictionary is not None and (dictionary.bank or dictionary.rotate):
        raise InvalidInput(
            f"the dictionary of {name} stores features, or its classes take "
            "turns, which needs TensorFlow; pass REWARD_FEATURES='fresh'"
        )


def members_per_class(prepared: Prepared) -> np.ndarray:
    """Return the number of members of each class; none without a dictionary."""
    dictionary = prepared.classifier.method.dictionary
    if dictionary is None:
        return np.zeros(0, int)
    return dictionary.members_per_class(prepared.splits.training, epoch=0)


def crop_of(view: CropFlip) -> batches.Crop:
    """Return the settings of a view."""
    return batches.Crop(view.padding, view.mode, view.flip)


def sizes(prepared: Prepared) -> dict[str, tuple[int, int]]:
    """Return the steps of an epoch and the batch size, also of the meta set."""
    pipeline = prepared.experiment.pipeline
    steps = pipeline.steps(prepared.splits.training)
    found = {"": (steps, pipeline.batch_size)}
    if prepared.meta is not None:
        size = pipeline.meta_batch_size or pipeline.batch_size
        found[META] = steps, size
    return found


def example_batches(prepared: Prepared) -> tuple[dict, dict]:
    """Return the arguments of a call and of a test, as tensors."""
    arrays = prepared.arrays
    crop = crop_of(prepared.experiment.pipeline.view)
    key = batches.epoch_key(0, batches.TRAIN, np.int64(0))
    train = {}
    for prefix, size in sizes(prepared).items():
        rows, labels = (arrays[f"{prefix}{n}"] for n in ("rows", "labels"))
        columns = batches.epoch_batches(
            *(batches.Examples(rows, labels), size, key),
            *(crop, prepared.images[1:3]),
        )
        columns = {name: x[: prepared.steps] for name, x in columns.items()}
        train |= {prefix + name: x for name, x in columns.items()}
    examples = batches.Examples(arrays["test_rows"], arrays["test_labels"])
    test = batches.test_batches(examples, TEST_BATCH_SIZE)
    images = {"images": tf.zeros(prepared.images, tf.uint8)}
    return tuple(
        images | {k: tf.constant(v) for k, v in columns.items()}
        for columns in (train, test)
    )


def program_files(prepared: Prepared) -> tuple[dict[str, bytes], dict]:
    """Return the programs by name, and the manifest."""
    classifier, pipeline = prepared.classifier, prepared.experiment.pipeline
    train, test = example_batches(prepared)
    programs = {
        "train": epoch_programs.train_program(classifier, train),
        "test": epoch_programs.test_program(classifier, test),
    }
    dictionary = classifier.method.dictionary
    manifest = {
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
        "sizes": sizes(prepared),
        "steps": prepared.steps,
        # Zero at the start of an epoch: the metrics, and the step.
        "zeroed": [
            name_of(v) for m in classifier.train_metrics for v in m.variables
        ]
        + [name_of(classifier.step)],
        "test_batch": TEST_BATCH_SIZE,
        "crop": crop_of(pipeline.view)._asdict(),
        "epoch": name_of(classifier.epoch),
        "dictionary": dictionary
        and {name: name_of(getattr(dictionary, name)) for name in DICTIONARY},
        "train": described(programs["train"], train),
        "test": described(programs["test"], test),
    }
    return {name: program.hlo for name, program in programs.items()}, manifest


def described(program: XlaProgram, batch: dict) -> dict:
    """Return the names of a program's arguments, and its outputs."""
    names = [name for name, _ in program.arguments]
    shared = [n for n in names if names.count(n) > 1 or "constant_" in n]
    if shared:
        raise RuntimeError(f"arguments without names of their own: {shared}")
    own = [name for name in names if name not in batch]
    return {"arguments": names, "variables": own, "outputs": program.outputs}


def name_of(variable: keras.Variable) -> str:
    """Return the name of a variable as an argument of programs."""
    return variable.value.name.removesuffix(":0")


def variables(prepared: Prepared) -> dict[str, np.ndarray]:
    """Return the present values of all variables of a step or a test."""
    classifier = prepared.classifier
    every = (*classifier.train_metrics, *classifier.test_metrics)
    metrics = [v for metric in every for v in metric.variables]
    found = [*classifier.state, *metrics, prepared.seed]
    return {name_of(v): v.numpy() for v in found}
