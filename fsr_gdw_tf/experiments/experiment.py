"""A run: data, classifier, schedule, and the files of its folder."""

import dataclasses
from collections.abc import Callable, Iterator, Sequence

import gin
import keras

from fsr_gdw_tf.callbacks import (
    Checkpoints,
    SaveMetrics,
    StopOnDivergence,
)
from fsr_gdw_tf.callbacks.progress_bar import LINE, show_progress
from fsr_gdw_tf.classifier import Classifier
from fsr_gdw_tf.data import InputPipeline, Source, Splits
from fsr_gdw_tf.data.overlap import check_test
from fsr_gdw_tf.distribution import collectives
from fsr_gdw_tf.distribution.devices import Devices
from fsr_gdw_tf.distribution.hosts import host, is_chief, print_on_chief
from fsr_gdw_tf.distribution.input_shards import InputShard
from fsr_gdw_tf.errors import InvalidInput
from fsr_gdw_tf.experiments import gin_config, run_info
from fsr_gdw_tf.experiments.evaluation import evaluate
from fsr_gdw_tf.experiments.held_out import score_held_out
from fsr_gdw_tf.experiments.run_callbacks import run_callbacks
from fsr_gdw_tf.io import files
from fsr_gdw_tf.io.run_folder import RunFolder, summary
from fsr_gdw_tf.label_quality.label_records import FILE_NAME
from fsr_gdw_tf.label_report.build import try_to_build_report
from fsr_gdw_tf.method import Method, Regulariser
from fsr_gdw_tf.networks.split import synchronize_batch_norms
from fsr_gdw_tf.optimizers import SGD, EpochSchedule
from fsr_gdw_tf.recorders.training_dynamics import TrainingDynamics
from fsr_gdw_tf.stages import RoG, Stage, StageInputs

TEST_BATCH_SIZE = 500


@gin.register
@dataclasses.dataclass
class ClassifierConfig:
    """The arguments of a `Classifier`, before the data are loaded."""

    network: Callable
    method: Method | None = None
    regularisers: Sequence[Regulariser] = ()
    l2: float = 0.0
    ema: float | None = None
    track_labels: TrainingDynamics | bool = True

    def build(self, splits: Splits, pipeline: InputPipeline) -> Classifier:
        """Return a new classifier for these data."""
        inputs = pipeline.loader(splits.train, random=False)([0], epoch=0)
        features, head = self.network(inputs.shape[1:], splits.train.classes)
        return Classifier(
            features,
            head,
            self.method,
            self.regularisers,
            l2=self.l2,
            ema=self.ema,
            track_labels=self.track_labels,
        )


@gin.register
@dataclasses.dataclass
class Experiment:
    """A run as described by a run file; `schedule` counts in epochs.

    allow_test_in_training: whether test files may be trained on as well.
    """

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
    save_every: int | None = None  # steps between checkpoints in an epoch
    keep_best: bool = False  # save the network of the best epoch as well
    # The runs that it consists of, instead of one.
    stages: Callable[[StageInputs], Iterator[Stage]] | None = None
    head: Callable[[], RoG] | None = None  # is fitted, nothing is trained
    allow_test_in_training: bool = False

    def __post_init__(self):
        if self.epochs < 1 or self.seed < 0:
            raise InvalidInput(
                "EPOCHS must be 1 or more and SEED 0 or more, got "
                f"{self.epochs} and {self.seed}"
            )

    def prepare(
        self, splits: Splits | None = None
    ) -> tuple[Splits, Classifier]:
        """Seed everything, load the data, build and compile the classifier."""
        # Must come first: hosts connect before TensorFlow runs any operation.
        with self.devices.scope() as strategy:
            keras.utils.set_random_seed(self.seed)
            replicas = strategy.num_replicas_in_sync
            self.pipeline = self.pipeline.with_global_sizes(replicas)
            InputShard(replicas).replica_batch_size(
                self.pipeline.batch_size, "BATCH_SIZE"
            )
            splits = splits or self.load()
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

    def load(self) -> Splits:
        """Load the data; raise if files of a test set are trained on."""
        splits = self.data()
        for test in (splits.test, *splits.others.values()):
            check_test(splits.train, test, self.allow_test_in_training)
        return splits

    def train(
        self,
        folder: RunFolder,
        command: Sequence[str] = (),
        one_line: bool = False,
    ) -> dict:
        """Train, or resume a run, to its end; return the summary.

        one_line: show one line of progress where a line per epoch is usual.
        """
        with folder.open(gin_config.config_string()):
            if folder.done:
                return self._finished(folder)
            with folder.failure_recorded():
                splits, classifier = self.prepare()
                folder.require_shared()
                info = run_info.device_info(self.devices, classifier.replicas)
                run_info.write_run_info(
                    folder, splits, self.seed, command, info
                )
                with show_progress(folder.path.name, one_line) as shown:
                    rows = self._fit(folder, splits, classifier, shown)
                evaluate(folder, splits, classifier, self.test_pipeline)
                score_held_out(folder, splits, classifier, self.test_pipeline)
            return _finish(folder, splits, classifier, summary(rows))

    def _fit(
        self,
        folder: RunFolder,
        splits: Splits,
        classifier: Classifier,
        progress: Sequence[keras.callbacks.Callback],
    ) -> list[dict]:
        """Train; return the logs, a row per epoch."""
        classifier.setup(splits.training, self.pipeline)
        metrics = SaveMetrics(folder / "metrics.csv")
        checkpoints = self._checkpoints(folder, metrics)
        first = checkpoints.restore(classifier)
        if not (first or checkpoints.step):
            folder.require_new()
        callbacks = run_callbacks(self, folder, splits, classifier, metrics)
        callbacks += progress
        with checkpoints.save_on_signals():
            classifier.fit(
                splits.train,
                **self.fit_arguments(splits, classifier),
                initial_epoch=first,
                initial_step=checkpoints.step,
                validation_data=splits.test,
                validation_batch_size=TEST_BATCH_SIZE,
                callbacks=[StopOnDivergence(), *callbacks, checkpoints],
                verbose=0 if progress or not is_chief() else LINE,
            )
        return metrics.rows

    def fit_arguments(self, splits: Splits, classifier: Classifier) -> dict:
        """Return the arguments of `fit` that the results depend on."""
        uses_meta = classifier.method.uses_meta or splits.meta_in_training
        return {
            "meta": splits.meta if uses_meta else None,
            "meta_in_training": splits.meta_in_training,
            "pipeline": self.pipeline,
            "epochs": self.epochs,
        }

    @property
    def test_pipeline(self) -> InputPipeline:
        """The pipeline with larger batches, as evaluation needs less memory."""
        return dataclasses.replace(
            self.pipeline, batch_size=TEST_BATCH_SIZE, per_replica=False
        )

    def _checkpoints(self, folder: RunFolder, metrics=None) -> Checkpoints:
        return Checkpoints(
            folder / "checkpoints",
            self.callbacks,
            every=self.save_every,
            metrics=metrics,
        )

    def evaluate(self, folder: RunFolder, command: Sequence[str] = ()) -> dict:
        """Evaluate the last checkpoint of a run; return its metrics."""
        folder.check(gin_config.config_string())
        folder.require_checkpoints()
        with folder.lock():
            return self._evaluate_last(folder)

    def _evaluate_last(self, folder: RunFolder, metrics=None) -> dict:
        """Restore the last checkpoint, and its `metrics`; evaluate it."""
        splits, classifier = self.prepare()
        classifier.setup(splits.training, self.pipeline)
        self._checkpoints(folder, metrics).restore(classifier)
        return evaluate(folder, splits, classifier, self.test_pipeline)

    def _finished(self, folder: RunFolder) -> dict:
        """Return the summary of a completed run; repair what is missing."""
        folder.print_done()
        if lost := folder.lost_files():
            names = ", ".join(lost)
            print_on_chief(f"{names}: made again from the last checkpoint")
            folder.require_checkpoints()
            metrics = SaveMetrics(folder / "metrics.csv")
            self._evaluate_last(folder, metrics)
            if is_chief():
                folder.finish(summary(metrics.rows))
        has_records = (folder / FILE_NAME).is_file()
        if is_chief() and has_records and not folder.reported:
            try_to_build_report(folder, reload=training_data)
        return folder.summary()


def _finish(
    folder: RunFolder, splits: Splits, classifier: Classifier, results: dict
) -> dict:
    """Write the summary and the label report; return the summary."""
    files.write(folder / "operative_config.gin", gin.operative_config_str())
    if is_chief():
        folder.finish(results)
    if classifier.training_dynamics and is_chief():
        # Several hosts would have to compute the features together.
        alone = (host().count or 1) == 1
        features = classifier.training_features if alone else None
        # With the test set there are more examples than in one source.
        source = None if splits.score_test else splits.training
        try_to_build_report(folder, source, training_data, features)
    # No host exits while the first one is still writing.
    collectives.wait_for_all(classifier.distribute_strategy)
    return results


def data_of_run(folder: RunFolder) -> Source:
    """Load a run's training data again, by the configuration it saved."""
    gin_config.parse_saved(folder / "config.gin")
    return training_data()


def training_data() -> Source:
    """Load the training data of the parsed configuration, never download."""
    gin_config.forbid_downloads()
    return gin_config.instantiate(Experiment).data().training
