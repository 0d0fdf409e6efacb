"""The classifier: features and head, trained by a method in one train step."""

import contextlib
from collections.abc import Sequence
from pathlib import Path

import gin
import keras
import tensorflow as tf

from fsr_gdw_tf import losses, metrics
from fsr_gdw_tf.data.pipeline import InputPipeline
from fsr_gdw_tf.data.source import Source
from fsr_gdw_tf.distribution import collectives
from fsr_gdw_tf.errors import InvalidInput, require_range
from fsr_gdw_tf.label_quality.issue_table import issue_table
from fsr_gdw_tf.label_quality.label_issues import find_label_issues
from fsr_gdw_tf.label_quality.label_records import collect_records
from fsr_gdw_tf.method import (
    Batch,
    Component,
    Forward,
    Method,
    OmegaUpdate,
    Regulariser,
    apply_warmup,
)
from fsr_gdw_tf.methods import Supervised
from fsr_gdw_tf.methods.default import default_method
from fsr_gdw_tf.methods.named import as_method
from fsr_gdw_tf.networks.split import batch_norm_layers, split
from fsr_gdw_tf.optimizers import MovingAverage, add_l2
from fsr_gdw_tf.recorders import TrainingDynamics, recorders_for
from fsr_gdw_tf.trainer import Trainer


@gin.register
class Classifier(Trainer):
    """A Keras network that is trained by a method.

    `features` maps inputs to vectors, `head` (a Dense layer) maps those to
    logits. `l2` adds l2 * theta to every gradient, which with momentum is not
    the decoupled `weight_decay` of Keras. With `ema` (0.999, say) tests and
    predictions use a moving average of the weights. `track_labels` records
    each example's predictions for `label_issues()`: with the settings of
    `TrainingDynamics()` unless others are given, False records nothing.
    """

    def __init__(
        self,
        features: keras.Model,
        head: keras.layers.Layer,
        method: Method | type[Method] | str | None = None,
        regularisers: Sequence[Regulariser] = (),
        l2: float = 0.0,
        ema: float | None = None,
        track_labels: TrainingDynamics | bool = True,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.features, self.head = features, head
        self.method = as_method(method or Supervised)
        self.regularisers = list(regularisers)
        self.recorders = recorders_for(self.method, track_labels)
        self.l2, self.wrapped = l2, None
        self.average = ema and MovingAverage(self.network_variables, ema)
        self.loss_mean = keras.metrics.Mean("loss")
        self.accuracy = keras.metrics.CategoricalAccuracy("accuracy")
        self.test_metrics = metrics.evaluation_metrics(self.classes)
        # Progress: this epoch of all, this step of all (0 steps: unknown).
        start = {"epoch": 0, "epochs": 1, "step": 0, "steps": 0}
        self.epoch, self.epochs, self.step, self.steps = (
            keras.Variable(value, dtype="int32", trainable=False, name=name)
            for name, value in start.items()
        )
        self.built = True

    @classmethod
    def wrap(
        cls,
        model: keras.Model,
        method: Method | type[Method] | str | None = None,
        **kwargs,
    ) -> "Classifier":
        """Return a classifier that trains a user's Keras model in place.

        The model is split at its last Dense layer; a softmax stays in the
        model. A method can be given by its class or name (GDW, "gdw"); the
        default one needs no clean data: `default_method()`.
        """
        features, head = split(model)
        classifier = cls(features, head, method or default_method(), **kwargs)
        classifier.wrapped = model
        return classifier

    @property
    def network(self) -> keras.Model:
        """The plain Keras model with the same weights."""
        if self.wrapped is not None:
            return self.wrapped
        outputs = self.head(self.features.outputs[0])
        return keras.Model(self.features.inputs[0], outputs, name="network")

    @property
    def classes(self) -> int:
        """The number of classes."""
        return self.head.units

    @property
    def network_variables(self) -> list[keras.Variable]:
        """The weights that the optimizer trains, without those of methods."""
        return self.features.trainable_variables + self.head.trainable_variables

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
        with self.distribute_strategy.scope():
            for layer in [*self.components, *self.recorders]:
                layer.setup(self, source, pipeline)

    def compile(self, optimizer="sgd", **kwargs) -> None:
        """Set the optimizer; the loss is the method's, metrics are fixed."""
        for name in ("loss", "metrics", "weighted_metrics", "loss_weights"):
            if kwargs.get(name) is not None:
                raise InvalidInput(
                    f"compile() takes no {name}: the loss is the method's, "
                    "the metrics are the classifier's; leave it out"
                )
        # Keras would scale the loss in float16, but only in its own step.
        kwargs.setdefault("auto_scale_loss", False)
        super().compile(optimizer=optimizer, **kwargs)
        self.optimizer.build(self.network_variables)

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Return logits."""
        return self.head(self.features(inputs, training=training))

    def _maybe_symbolic_build(self, iterator=None, data_batch=None) -> None:
        """Do nothing: Keras would call the model on the dict of a batch."""

    @property
    def eval_metrics(self) -> tuple[keras.metrics.Metric, ...]:
        """The metrics of a test; training uses the first two."""
        return (self.loss_mean, self.accuracy, *self.test_metrics)

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """The metrics, without those of networks inside of methods."""
        return list(self.eval_metrics)

    def train_step(self, batch: Batch) -> dict[str, tf.Tensor]:
        """Take one step; the same for all methods, regularisers and scopes."""
        self.update_weights(batch)
        return {m.name: m.result() for m in self.eval_metrics[:2]}

    def update_weights(self, batch: Batch) -> tf.Tensor:
        """Take one step; return the logits from before the update."""
        for component in self.components:
            batch = component.prepare(self, batch)
        with tf.GradientTape(persistent=True) as tape:
            features = self.features(batch["inputs"], training=True)
            logits = self.head(features)
            layer_losses = tf.cast(self._layer_losses(), logits.dtype)
        forward = Forward(tape, features, logits)
        omega = self.method.compute_omega(self, batch, forward)
        if not isinstance(omega, OmegaUpdate):
            omega = OmegaUpdate(after=omega)
        loss, delta = self.loss_and_delta(
            batch, logits, omega.after, self.components, batch.get("weight")
        )
        # Eq. 12 of GDW; delta includes omega. The only real gradient.
        gradients = tape.gradient(
            [logits, layer_losses],
            [v.value for v in self.network_variables],
            output_gradients=[delta, tf.ones_like(layer_losses)],
        )
        self._apply_gradients(gradients)
        self._observe(batch, logits, omega, loss)
        return logits

    def _observe(self, batch: Batch, logits, omega: OmegaUpdate, loss) -> None:
        """Update all state other than the weights after a step."""
        collectives.average_variables(self.batch_norm_stats)
        for component in self.components:
            component.observe(self, batch, logits, omega.after)
        for recorder in self.recorders:
            recorder.observe(self, batch, logits, omega)
        # The loss is this replica's part of the global mean: scale it up.
        self.loss_mean.update_state(loss * collectives.replicas())
        self.accuracy.update_state(batch["label"], logits)

    def loss_and_delta(
        self,
        batch: Batch,
        logits: tf.Tensor,
        omega: tf.Tensor | None,
        components: Sequence[Component] = (),
        weight: tf.Tensor | None = None,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Return the loss of a batch, and its gradient on the logits.

        `weight`, given with the data, is passed in the real step only: used in
        the virtual step as well, it would also scale the learned weights.
        """
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(logits)
            method = self.method
            per_example = method.objective(batch, logits, omega)
            if method.warmup and method.plain_omega(batch, logits) is None:
                plain = losses.cross_entropy(batch["label"], logits)
                per_example = apply_warmup(self, per_example, plain)
            for component in components:
                per_example += component.penalty(self, batch, logits)
            if weight is not None:
                per_example *= tf.cast(weight, per_example.dtype)
            loss = collectives.mean(per_example)
        return loss, tape.gradient(loss, logits)

    def _layer_losses(self) -> tf.Tensor:
        """Return the sum of losses of the network's layers, such as L1."""
        layer_losses = [*self.features.losses, *self.head.losses]
        total = tf.add_n(layer_losses) if layer_losses else tf.zeros(())
        return total / collectives.replicas()

    def _apply_gradients(self, gradients: list[tf.Tensor]) -> None:
        gradients = add_l2(gradients, self.network_variables, self.l2)
        step = tf.cast(self.optimizer.iterations, tf.float32)
        self.optimizer.apply(gradients, self.network_variables)
        if self.average:
            self.average.update(step)

    def test_step(self, batch: Batch) -> None:
        """Update loss and metrics with a batch; index -1 is padding."""
        logits = self._evaluation_logits(batch["inputs"])
        label, weight = batch["label"], None
        if "index" in batch:
            weight = tf.cast(batch["index"] >= 0, logits.dtype)
        loss = losses.cross_entropy(label, logits)
        self.loss_mean.update_state(loss, sample_weight=weight)
        probs = tf.nn.softmax(logits)
        for metric in self.eval_metrics[1:]:
            metric.update_state(label, probs, sample_weight=weight)

    def predict_step(self, data: Batch | tf.Tensor) -> tf.Tensor | dict:
        """Return class probabilities, with row numbers if the data have any."""
        inputs = data["inputs"] if isinstance(data, dict) else data
        inputs = inputs[0] if isinstance(inputs, tuple) else inputs
        probs = tf.nn.softmax(self._evaluation_logits(inputs))
        if isinstance(data, dict) and "row" in data:
            return {"row": data["row"], "probs": probs}
        return probs

    def _evaluation_logits(self, inputs) -> tf.Tensor:
        if not self.average:
            return self(inputs, training=False)
        averages = [(v, average.value) for v, average in self.average.pairs]
        with keras.StatelessScope(state_mapping=averages):
            return self(inputs, training=False)

    def label_issues(self, threshold: float = 0.5) -> list[dict]:
        """Return labels with a probability of error above the threshold."""
        require_range(0, 1, threshold=threshold)
        records = collect_records(self)
        issues = find_label_issues(records, threshold)
        return issue_table(records, issues, issues.suspected).to_pylist()

    def save_network(self, path: str | Path) -> None:
        """Save a plain Keras model, with averaged weights if `ema` is on."""
        average = self.average
        with average.assigned() if average else contextlib.nullcontext():
            self.network.save(path)
