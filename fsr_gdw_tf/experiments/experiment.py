"""One run: data, classifier, schedule, and everything that is written down."""

import dataclasses
import importlib.util
import sys
import traceback
from collections.abc import Callable, Sequence

import gin
import keras
import numpy as np

from fsr_gdw_tf.callbacks import (
    Checkpoints,
    LabelStatistics,
    MetricsCsv,
    Preempted,
    SmallTables,
    StepTimer,
)
from fsr_gdw_tf.classifier import Classifier
from fsr_gdw_tf.data import Batches, Source, Splits
from fsr_gdw_tf.distribution import collectives
from fsr_gdw_tf.distribution.devices import Devices
from fsr_gdw_tf.distribution.hosts import is_chief, say
from fsr_gdw_tf.distribution.input_shards import Share
from fsr_gdw_tf.errors import BadInput
from fsr_gdw_tf.experiments import gin_config, run_info
from fsr_gdw_tf.io import files
from fsr_gdw_tf.io.run_folder import LAST, RunFolder
from fsr_gdw_tf.label_quality.label_records import NAME
from fsr_gdw_tf.label_report.build import try_to_make
from fsr_gdw_tf.methods import Method
from fsr_gdw_tf.networks.split import synchronize
from fsr_gdw_tf.optimizers import SGD, InEpochs
from fsr_gdw_tf.recorders.training_dynamics import Books
from fsr_gdw_tf.regularisers import Regulariser


@gin.register
@dataclasses.dataclass
class Learner:
    """The recipe of a classifier, before the data are known."""

    network: Callable
    method: Method | None = None
    regularisers: Sequence[Regulariser] = ()
    l2: float = 0.0
    ema: float | None = None
    books: Books | bool = True

    def build(self, splits: Splits, batches: Batches) -> Classifier:
        """A classifier for these data."""
        first = batches.stored(splits.train, [0], epoch=0, random=False)
        features, head = self.network(first.shape[1:], splits.train.classes)
        rest = self.l2, self.ema, self.books
        return Classifier(features, head, self.method, self.regularisers, *rest)


@gin.register
@dataclasses.dataclass
class Experiment:
    """What a run file describes; `schedule` counts in epochs."""

    data: Callable[[], Splits]
    learner: Callable[[], Learner]  # called after seeding
    batches: Batches
    epochs: int
    schedule: Callable
    optimizer: Callable = SGD
    staircase: bool = True
    callbacks: Sequence = ()
    seed: int = 0
    devices: Devices = dataclasses.field(default_factory=Devices)
    save_every: int | None = None  # steps; else after each epoch alone

    def __post_init__(self):
        if self.epochs < 1 or self.seed < 0:
            raise BadInput(
                "EPOCHS must be 1 or more and SEED 0 or more, got "
                f"{self.epochs} and {self.seed}"
            )

    def prepare(
        self, splits: Splits | None = None
    ) -> tuple[Splits, Classifier]:
        """Seed everything, read the data, build and compile the classifier."""
        # First of all: hosts must meet before anything is computed.
        with self.devices.scope() as strategy:
            keras.utils.set_random_seed(self.seed)
            replicas = strategy.num_replicas_in_sync
            self.batches = self.batches.over(replicas)
            Share(replicas).part(self.batches.size, "BATCH_SIZE")
            splits = splits or self.data()
            steps = self.batches.steps(splits.training)
            classifier = self.learner().build(splits, self.batches)
            if self.devices.sync_batch_norm:
                synchronize(classifier.features)
            rate = InEpochs(self.schedule(), steps, self.staircase)
            classifier.compile(
                self.optimizer(learning_rate=rate),
                steps_per_execution=self.devices.steps_per_execution,
                jit_compile=self.devices.jit_compile,
            )
        return splits, classifier

    def train(self, folder: RunFolder, command: Sequence[str] = ()) -> dict:
        """Train from where the folder stands to the end; the summary."""
        folder.open(gin_config.text())
        if folder.done:
            say(f"{folder.path} is done already; delete it to run again")
            if is_chief() and (folder / NAME).is_file() and not folder.reported:
                try_to_make(folder, reload=lambda: data_of_run(folder))
            return summary(folder.metrics())
        try:
            splits, classifier = self.prepare()
            folder.require_shared()
            about = run_info.machines(self.devices, classifier.replicas)
            run_info.describe(folder, splits, self.seed, command, about)
            rows = self._fit(folder, splits, classifier)
            _evaluate(folder, splits, classifier, self.test_batches)
        except Preempted:
            raise
        except BaseException:
            files.write_here(folder.failed, traceback.format_exc())
            raise
        files.write(folder / "operative_config.gin", gin.operative_config_str())
        files.write_json(folder / "DONE", summary(rows))
        if classifier.books and is_chief():
            try_to_make(folder, splits.training)
        # Nobody leaves while the first host is still at it.
        collectives.wait_for_all(classifier.distribute_strategy)
        return summary(rows)

    def _fit(self, folder, splits, classifier) -> list[dict]:
        """Train; what was logged, a row per epoch."""
        classifier.bind(splits.training, self.batches)
        checkpoints = self._checkpoints(folder)
        first = checkpoints.restore(classifier)
        record = MetricsCsv(folder / "metrics.csv", first)
        wanted = classifier.method.uses_meta or splits.meta_in_training
        labels = _label_statistics(folder, classifier)
        tables = [record, SmallTables(folder.path, splits.training), *labels]
        own = [*_tensorboard(folder), StepTimer(), *tables, checkpoints]
        with checkpoints.listening():
            classifier.fit(
                splits.train,
                meta=splits.meta if wanted else None,
                meta_in_training=splits.meta_in_training,
                batches=self.batches,
                epochs=self.epochs,
                initial_epoch=first,
                initial_step=checkpoints.step,
                validation_data=splits.test,
                validation_batches=self.test_batches,
                callbacks=[*self.callbacks, *own],
                verbose=_verbosity(),
            )
        return record.rows

    @property
    def test_batches(self) -> Batches:
        """The same view of the data; larger, as nothing is differentiated."""
        return dataclasses.replace(self.batches, size=500, per_replica=False)

    def _checkpoints(self, folder: RunFolder) -> Checkpoints:
        return Checkpoints(
            folder / "checkpoints", self.callbacks, every=self.save_every
        )

    def evaluate(self, folder: RunFolder, command: Sequence[str] = ()) -> dict:
        """Test the network that a run has left."""
        folder.check(gin_config.text())
        splits, classifier = self.prepare()
        classifier.bind(splits.training, self.batches)
        if not self._checkpoints(folder).restore(classifier):
            raise BadInput(f"{folder.path} holds no trained run; train first")
        return _evaluate(folder, splits, classifier, self.test_batches)


def data_of_run(folder: RunFolder) -> Source:
    """What a run was trained on, read again by its own configuration."""
    file = folder / "config.gin"
    gin_config.parse([str(file)], ["tfds_images.download=False"])
    return gin_config.make(Experiment).data().training


def _verbosity() -> int:
    """A bar on a terminal, lines in a log, nothing on other hosts."""
    if not is_chief():
        return 0
    return 1 if sys.stdout.isatty() else 2


def _tensorboard(folder: RunFolder) -> list[keras.callbacks.Callback]:
    """TensorBoard's logs, where TensorBoard is installed."""
    if not (is_chief() and importlib.util.find_spec("tensorboard")):
        return []
    return [keras.callbacks.TensorBoard(str(folder / "tensorboard"))]


def _label_statistics(folder: RunFolder, classifier) -> list[LabelStatistics]:
    """For the label report, if there are books to make it from."""
    return [LabelStatistics(folder / NAME)] if classifier.books else []


def _evaluate(folder, splits: Splits, classifier, batches: Batches) -> dict:
    """Save the network and what it does on the test data."""
    measured = _measure(classifier, splits.test, batches)
    for name, source in splits.others.items():
        measured[name] = _measure(classifier, source, batches)
    files.write_json(folder / "evaluation.json", measured)
    if is_chief():
        half = folder / ".half.keras"
        classifier.save_network(half)
        half.replace(folder / "model.keras")
    collectives.wait_for_all(classifier.distribute_strategy)
    return measured


def _measure(classifier, source, batches: Batches) -> dict:
    measured = classifier.evaluate(
        source, batches=batches, verbose=0, return_dict=True
    )
    recalls = classifier.test_metrics[0].per_class().tolist()
    names = map(str, source.class_names)
    return measured | {
        "per_class_accuracy": dict(zip(names, recalls, strict=True))
    }


def summary(rows: list[dict]) -> dict:
    """The numbers people compare, from what each epoch has logged."""
    accuracy = [row["val_accuracy"] for row in rows]
    # The first epoch holds the tracing of the step.
    seconds = [row["step_seconds"] for row in rows[1:] or rows]
    return {
        "test_accuracy_last": accuracy[-1],
        "test_accuracy_last5": float(np.mean(accuracy[-LAST:])),
        "test_accuracy_best": max(accuracy),
        "balanced_accuracy": rows[-1]["val_balanced_accuracy"],
        "step_seconds": float(np.median(seconds)),
    }
