"""One run: data, classifier, schedule, and all files of its folder."""

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
    Preempted,
    SaveCsvTables,
    SaveLabelRecords,
    SaveMetrics,
    StepTimer,
)
from fsr_gdw_tf.classifier import Classifier
from fsr_gdw_tf.data import InputPipeline, Source, Splits
from fsr_gdw_tf.distribution import collectives
from fsr_gdw_tf.distribution.devices import Devices
from fsr_gdw_tf.distribution.hosts import is_chief, print_on_chief
from fsr_gdw_tf.distribution.input_shards import InputShard
from fsr_gdw_tf.errors import InvalidInput
from fsr_gdw_tf.experiments import gin_config, run_info
from fsr_gdw_tf.io import files
from fsr_gdw_tf.io.run_folder import LAST, RunFolder
from fsr_gdw_tf.label_quality.label_records import FILE_NAME
from fsr_gdw_tf.label_report.build import try_to_build_report
from fsr_gdw_tf.method import Method, Regulariser
from fsr_gdw_tf.networks.split import synchronize_batch_norms
from fsr_gdw_tf.optimizers import SGD, EpochSchedule
from fsr_gdw_tf.recorders.training_dynamics import TrainingDynamics

TEST_BATCH_SIZE = 500


@gin.register
@dataclasses.dataclass
class ClassifierConfig:
    """The settings of a classifier, before the data are read."""

    network: Callable
    method: Method | None = None
    regularisers: Sequence[Regulariser] = ()
    l2: float = 0.0
    ema: float | None = None
    track_labels: TrainingDynamics | bool = True

    def build(self, splits: Splits, pipeline: InputPipeline) -> Classifier:
        """Build a classifier for these data."""
        first = pipeline.load_inputs(splits.train, [0], epoch=0, random=False)
        features, head = self.network(first.shape[1:], splits.train.classes)
        rest = self.l2, self.ema, self.track_labels
        return Classifier(features, head, self.method, self.regularisers, *rest)


@gin.register
@dataclasses.dataclass
class Experiment:
    """What a run file describes; `schedule` counts in epochs."""

    data: Callable[[], Splits]
    classifier: Callable[[], ClassifierConfig]  # called after seeding
    pipeline: InputPipeline
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
            raise InvalidInput(
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
            self.pipeline = self.pipeline.with_global_sizes(replicas)
            InputShard(replicas).replica_batch_size(
                self.pipeline.batch_size, "BATCH_SIZE"
            )
            splits = splits or self.data()
            steps = self.pipeline.steps(splits.training)
            classifier = self.classifier().build(splits, self.pipeline)
            if self.devices.sync_batch_norm:
                synchronize_batch_norms(classifier.features)
            rate = EpochSchedule(self.schedule(), steps, self.staircase)
            classifier.compile(
                self.optimizer(learning_rate=rate),
                steps_per_execution=self.devices.steps_per_execution,
                jit_compile=self.devices.jit_compile,
            )
        return splits, classifier

    def train(self, folder: RunFolder, command: Sequence[str] = ()) -> dict:
        """Train from where the folder stands to the end; return the summary."""
        folder.open(gin_config.config_string())
        if folder.done:
            return _summary_of_done(folder)
        try:
            splits, classifier = self.prepare()
            folder.require_shared()
            devices = run_info.device_info(self.devices, classifier.replicas)
            run_info.write_run_info(folder, splits, self.seed, command, devices)
            rows = self._fit(folder, splits, classifier)
            _evaluate(folder, splits, classifier, self.test_pipeline)
        except Preempted:
            raise
        except BaseException:
            files.write_here(folder.failed, traceback.format_exc())
            raise
        files.write(folder / "operative_config.gin", gin.operative_config_str())
        files.write_json(folder / "DONE", summary(rows))
        if classifier.training_dynamics and is_chief():
            try_to_build_report(folder, splits.training)
        # No host ends while the first one is still writing.
        collectives.wait_for_all(classifier.distribute_strategy)
        return summary(rows)

    def _fit(self, folder, splits, classifier) -> list[dict]:
        """Train; return what was logged, a row per epoch."""
        classifier.setup(splits.training, self.pipeline)
        checkpoints = self._checkpoints(folder)
        first = checkpoints.restore(classifier)
        metrics = SaveMetrics(folder / "metrics.csv", first)
        callbacks = [*self.callbacks, *_tensorboard(folder), StepTimer()]
        callbacks += [metrics, SaveCsvTables(folder.path, splits.training)]
        if classifier.training_dynamics:
            callbacks.append(SaveLabelRecords(folder / FILE_NAME))
        uses_meta = classifier.method.uses_meta or splits.meta_in_training
        with checkpoints.listening():
            classifier.fit(
                splits.train,
                meta=splits.meta if uses_meta else None,
                meta_in_training=splits.meta_in_training,
                pipeline=self.pipeline,
                epochs=self.epochs,
                initial_epoch=first,
                initial_step=checkpoints.step,
                validation_data=splits.test,
                validation_batch_size=TEST_BATCH_SIZE,
                callbacks=[*callbacks, checkpoints],
                verbose=_verbosity(),
            )
        return metrics.rows

    @property
    def test_pipeline(self) -> InputPipeline:
        """The same view of the data in larger batches, without gradients."""
        return dataclasses.replace(
            self.pipeline, batch_size=TEST_BATCH_SIZE, per_replica=False
        )

    def _checkpoints(self, folder: RunFolder) -> Checkpoints:
        return Checkpoints(
            folder / "checkpoints", self.callbacks, every=self.save_every
        )

    def evaluate(self, folder: RunFolder, command: Sequence[str] = ()) -> dict:
        """Evaluate the network of a run."""
        folder.check(gin_config.config_string())
        splits, classifier = self.prepare()
        classifier.setup(splits.training, self.pipeline)
        if not self._checkpoints(folder).restore(classifier):
            raise InvalidInput(
                f"{folder.path} holds no trained run; train first"
            )
        return _evaluate(folder, splits, classifier, self.test_pipeline)


def _summary_of_done(folder: RunFolder) -> dict:
    """Return the summary of a run that has ended; write its report if lost."""
    print_on_chief(f"{folder.path} is done already; delete it to run again")
    has_records = (folder / FILE_NAME).is_file()
    if is_chief() and has_records and not folder.reported:
        try_to_build_report(folder, reload=lambda: data_of_run(folder))
    return summary(folder.metrics())


def data_of_run(folder: RunFolder) -> Source:
    """Read again what a run was trained on, by its own configuration."""
    file = folder / "config.gin"
    gin_config.parse([str(file)], ["tfds_images.download=False"])
    return gin_config.instantiate(Experiment).data().training


def _verbosity() -> int:
    """Return 1, a bar on a terminal; 2, lines in a log; 0 on other hosts."""
    if not is_chief():
        return 0
    return 1 if sys.stdout.isatty() else 2


def _tensorboard(folder: RunFolder) -> list[keras.callbacks.Callback]:
    """Return TensorBoard's callback, where TensorBoard is installed."""
    if not (is_chief() and importlib.util.find_spec("tensorboard")):
        return []
    return [keras.callbacks.TensorBoard(str(folder / "tensorboard"))]


def _evaluate(
    folder, splits: Splits, classifier, pipeline: InputPipeline
) -> dict:
    """Write the network, and its metrics on the test data."""
    measured = _measure(classifier, splits.test, pipeline)
    for name, source in splits.others.items():
        measured[name] = _measure(classifier, source, pipeline)
    files.write_json(folder / "evaluation.json", measured)
    if is_chief():
        half = folder / ".half.keras"
        classifier.save_network(half)
        half.replace(folder / "model.keras")
    collectives.wait_for_all(classifier.distribute_strategy)
    return measured


def _measure(classifier, source, pipeline: InputPipeline) -> dict:
    measured = classifier.evaluate(
        source, pipeline=pipeline, verbose=0, return_dict=True
    )
    recalls = classifier.test_metrics[0].per_class().tolist()
    names = map(str, source.class_names)
    return measured | {
        "per_class_accuracy": dict(zip(names, recalls, strict=True))
    }


def summary(rows: list[dict]) -> dict:
    """Return the metrics to compare runs by, from the rows of the epochs."""
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
