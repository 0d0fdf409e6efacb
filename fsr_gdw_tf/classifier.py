"""The classifier: features and head, trained by a method."""

from collections.abc import Sequence
from pathlib import Path

import gin
import keras
import numpy as np

from fsr_gdw_tf.data.pipeline import InputPipeline
from fsr_gdw_tf.data.source import Source
from fsr_gdw_tf.errors import INF, InvalidInput, require_range
from fsr_gdw_tf.io.files import write_csv
from fsr_gdw_tf.io.run_folder import RunFolder
from fsr_gdw_tf.label_quality.issue_table import issue_table
from fsr_gdw_tf.label_quality.label_issues import find_label_issues
from fsr_gdw_tf.label_quality.label_records import (
    FILE_NAME,
    collect_records,
    write_records,
)
from fsr_gdw_tf.label_report.build import build_report
from fsr_gdw_tf.method import Component, Method, Regulariser
from fsr_gdw_tf.methods import Supervised
from fsr_gdw_tf.methods.named import as_method, named_parts
from fsr_gdw_tf.metrics import evaluation_metrics, users_metrics
from fsr_gdw_tf.networks.heads import Head, as_head
from fsr_gdw_tf.networks.inner_features import (
    InnerFeatures,
    require_same_outputs,
)
from fsr_gdw_tf.networks.moving_average import MovingAverage
from fsr_gdw_tf.networks.split import (
    as_features,
    batch_norm_layers,
    join,
    split,
)
from fsr_gdw_tf.optimizers import with_loss_scale
from fsr_gdw_tf.recorders import TrainingDynamics, recorders_for
from fsr_gdw_tf.trainer import Trainer

FEATURE_BATCH = 100  # examples whose features are computed at once


@gin.register
class Classifier(Trainer):
    """A Keras network that is trained by a method.

    `features` (any layer or model with weights) maps inputs to vectors, `head`
    (a Dense layer) maps those to logits.
    `l2` adds l2 * theta to every gradient, which with momentum is not the
    decoupled `weight_decay` of Keras. With `ema` (0.999, say) tests and
    predictions use a moving average of the weights. `track_labels` records
    each example's predictions for `label_issues()`: with the settings of
    `TrainingDynamics()` unless others are given, False records nothing.
    """

    def __init__(
        self,
        features: keras.layers.Layer,
        head: keras.layers.Layer,
        method: Method | type[Method] | str | None = None,
        regularisers: Sequence[Regulariser] = (),
        l2: float = 0.0,
        ema: float | None = None,
        track_labels: TrainingDynamics | bool = True,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.features, self.head = as_features(features), as_head(head)
        self.method = as_method(method or Supervised)
        self.regularisers = list(regularisers)
        self.recorders = recorders_for(self.method, track_labels)
        require_range(0, INF, l2=l2)
        self.l2, self.wrapped, self.one_hot_labels = l2, None, False
        self.average = ema and MovingAverage(self.network_variables, ema)
        self._create_metrics()
        # Progress: this epoch of all, this step of all (0 steps: unknown).
        start = {"epoch": 0, "epochs": 1, "step": 0, "steps": 0}
        self.epoch, self.epochs, self.step, self.steps = (
            keras.Variable(value, dtype="int32", trainable=False, name=name)
            for name, value in start.items()
        )
        self.built = True

    def _create_metrics(self) -> None:
        self.loss_mean = keras.metrics.Mean("loss")
        # Without weights and penalties; plain training's loss has none.
        is_plain = type(self.method) is Supervised and not self.regularisers
        self.plain_loss = None if is_plain else keras.metrics.Mean("plain_loss")
        self.accuracy = keras.metrics.CategoricalAccuracy("accuracy")
        self.test_metrics = evaluation_metrics(self.classes)
        self.users_metrics, self.weighted_users_metrics = [], []

    @classmethod
    def wrap(
        cls,
        model: keras.Model,
        method: Method | type[Method] | str | None = None,
        head: str | None = None,
        **kwargs,
    ) -> "Classifier":
        """Return a classifier that trains a user's Keras model in place.

        The model is split at its last Dense layer or convolution; a softmax
        stays in the model. A method can be given by its class or name (GDW,
        "gdw"), a regulariser by its name ("posterior_weights": plain training
        with it); the default needs no clean data. A model's own `preprocessor`
        (those of KerasHub have one) is applied to all inputs that the
        classifier gets.

        head: the name of the last Dense layer, for subclassed models.
        """
        features, last = split(model, head)
        classifier = cls(features, last, **(named_parts(method) | kwargs))
        classifier.wrapped = model
        classifier.preprocessor = getattr(model, "preprocessor", None)
        return classifier

    @property
    def network(self) -> keras.Model:
        """The plain Keras model with the same weights."""
        if self.wrapped is None:
            return join(self.features, self.head)
        return self.wrapped

    @property
    def classes(self) -> int:
        """The number of classes."""
        return self.head.units

    @property
    def single_output(self) -> bool:
        """Return whether the network has one output, for two classes."""
        return isinstance(self.head, Head) and self.head.outputs == 1

    @property
    def network_variables(self) -> list[keras.Variable]:
        """The weights that the optimizer trains, without those of methods."""
        head = self.head.trainable_variables
        # Features and head may share weights.
        shared = {id(v) for v in head}
        features = self.features.trainable_variables
        return [v for v in features if id(v) not in shared] + head

    @property
    def batch_norm_stats(self) -> list[keras.Variable]:
        """The moving statistics of batch normalisation."""
        return [
            v
            for layer in batch_norm_layers(self.features)
            if layer.trainable
            for v in (layer.moving_mean, layer.moving_variance)
        ]

    @property
    def components(self) -> list[Component]:
        """The method and the regularisers."""
        return [self.method, *self.regularisers]

    @property
    def training_dynamics(self) -> TrainingDynamics | None:
        """The recorder that `label_issues()` reads, if there is one."""
        matches = (r for r in self.recorders if isinstance(r, TrainingDynamics))
        return next(matches, None)

    @property
    def state(self) -> list[keras.Variable]:
        """All variables that a checkpoint needs to resume training."""
        owners = [self, self.optimizer]
        for component in self.components:
            owners += component.optimizers
        unique = {id(v): v for owner in owners for v in owner.variables}
        return list(unique.values())

    def setup(self, source: Source | None, pipeline: InputPipeline) -> None:
        """Create the state that depends on the data; before `restore`."""
        self.input_pipeline = pipeline
        if source is not None and isinstance(self.features, InnerFeatures):
            inputs = pipeline.loader(source, random=False)([0, 1], epoch=0)
            require_same_outputs(self.features, self(inputs), inputs)
        with self.distribute_strategy.scope():
            for layer in [*self.components, *self.recorders]:
                layer.setup(self, source, pipeline)

    def compile(
        self,
        optimizer: keras.optimizers.Optimizer | str = "sgd",
        loss: None = None,
        metrics: Sequence | None = None,
        weighted_metrics: Sequence | None = None,
        **kwargs,
    ) -> None:
        """Set the optimizer and metrics; the loss is the method's.

        loss: None; it is here because `compile` of Keras has it.
        metrics, weighted_metrics: in addition to accuracy and others that are
            always measured. They get labels in the form that `fit` got them,
            and what `predict` returns; weighted ones also `sample_weight`.

        All other arguments are those of Keras.
        """
        given = {"loss": loss, "loss_weights": kwargs.get("loss_weights")}
        for name, value in given.items():
            if value is not None:
                raise InvalidInput(
                    f"compile() takes no {name}: the loss is the method's "
                    "(cross-entropy, weighted by it); leave it out"
                )
        self._set_users_metrics(metrics, weighted_metrics)
        if not self.network_variables:
            raise InvalidInput(
                "nothing to train: all layers of the network are frozen; set "
                "trainable=True on one of them"
            )
        if kwargs.pop("auto_scale_loss", True):
            optimizer = with_loss_scale(optimizer, self.features)
        super().compile(optimizer=optimizer, auto_scale_loss=False, **kwargs)
        self.optimizer.build(self.network_variables)

    def _set_users_metrics(self, given, weighted) -> None:
        self.users_metrics, self.weighted_users_metrics = [], []
        for attribute, metrics, prefix in (
            ("users_metrics", given, ""),
            ("weighted_users_metrics", weighted, "weighted_"),
        ):
            taken = [metric.name for metric in self.eval_metrics]
            setattr(self, attribute, users_metrics(metrics, taken, prefix))

    def label_issues(self, threshold: float = 0.5) -> list[dict]:
        """Return labels with a probability of error above the threshold.

        The most suspicious first, as dicts. `given` and `suggested` are names
        of classes, `given_label` and `predicted_label` their numbers: so
        `y[issue["index"]] = issue["predicted_label"]` corrects a label.
        """
        require_range(0, 1, threshold=threshold)
        records = collect_records(self)
        issues = find_label_issues(records, threshold)
        return issue_table(records, issues, issues.suspected).to_pylist()

    def report(self, folder: str | Path) -> Path:
        """Write the label report of the training; return its page's path.

        The page shows the labels to check; beside it are CSV files with them.
        """
        run = RunFolder(folder)
        records = collect_records(self)
        write_records(run / FILE_NAME, records)
        history = self.history
        rows = [
            {
                "epoch": epoch + 1,
                **{k: v[i] for k, v in history.history.items()},
            }
            for i, epoch in enumerate(history.epoch)
        ]
        write_csv(run / "metrics.csv", rows)
        source = self.training_dynamics.source
        return build_report(run, source, features=self.training_features)

    def training_features(self, indices: np.ndarray) -> np.ndarray:
        """Return the features of training examples, without augmentation."""
        source = self.training_dynamics.source
        load = self.input_pipeline.loader(source, random=False)
        found = []
        for start in range(0, len(indices), FEATURE_BATCH):
            chunk = indices[start : start + FEATURE_BATCH]
            features = self.features(load(chunk, 0), training=False)
            found.append(keras.ops.convert_to_numpy(features))
        return np.concatenate(found)
