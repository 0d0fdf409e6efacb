"""The learner: features + head + method, and the only train step."""

import dataclasses
from collections.abc import Sequence

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
from fsr_gdw_tf.methods import Method, Supervised
from fsr_gdw_tf.methods.fsr import complete
from fsr_gdw_tf.networks.split import batch_norms, split
from fsr_gdw_tf.optimizers import add_l2
from fsr_gdw_tf.recorders.training_dynamics import TrainingDynamics
from fsr_gdw_tf.regularisers import Regulariser
from fsr_gdw_tf.trainer import Trainer


@dataclasses.dataclass(frozen=True)
class Forward:
    """The step's one forward pass; every gradient is a pullback through it."""

    tape: tf.GradientTape
    features: tf.Tensor
    logits: tf.Tensor


@gin.register
class Classifier(Trainer):
    """Any Keras network, trained by a method.

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
        method: Method | None = None,
        regularisers: Sequence[Regulariser] = (),
        l2: float = 0.0,
        ema: float | None = None,
        track_labels: TrainingDynamics | bool = True,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.features, self.head = features, head
        self.method = method or Supervised()
        self.regularisers = list(regularisers)
        self.l2, self.ema = l2, ema
        if not isinstance(track_labels, (bool, TrainingDynamics)):
            raise InvalidInput(
                "track_labels is True, False or TrainingDynamics(...), got "
                f"{track_labels!r}"
            )
        self.training_dynamics = (
            TrainingDynamics() if track_labels is True else track_labels or None
        )
        self.wrapped = None
        self.loss_mean = keras.metrics.Mean("loss")
        self.accuracy = keras.metrics.CategoricalAccuracy("accuracy")
        self.test_metrics = metrics.for_test(self.classes)
        self.averages = [
            keras.Variable(v, trainable=False, name="ema")
            for v in (self.network_variables if ema else ())
        ]
        # Where training stands, and how far it goes (0 steps: not known).
        self.epoch, self.epochs, self.step, self.steps = (
            keras.Variable(value, dtype="int32", trainable=False, name=name)
            for name, value in zip(
                ("epoch", "epochs", "step", "steps"), (0, 1, 0, 0), strict=True
            )
        )
        self.built = True

    @classmethod
    def wrap(cls, model: keras.Model, method: Method | None = None, **kwargs):
        """Train the user's own classifier: its weights are trained in place.

        The model is cut at its last Dense layer; a softmax stays hers. Without
        a method this is FSR, with its MixUp and re-labelling.
        """
        features, head = split(model)
        if method is None:
            extras = kwargs.pop("regularisers", None)
            method, kwargs["regularisers"] = complete(features, extras)
        classifier = cls(features, head, method, **kwargs)
        classifier.wrapped = model
        return classifier

    @property
    def network(self) -> keras.Model:
        """The network alone, on the same weights: the user's own, if any."""
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
        """What the optimizer moves: the network's weights, not the method's."""
        return [
            *self.features.trainable_variables,
            *self.head.trainable_variables,
        ]

    @property
    def batch_norm_stats(self) -> list[keras.Variable]:
        """What batch normalisation remembers of the batches it has seen."""
        return [
            v
            for layer in batch_norms(self.features)
            if layer.trainable
            for v in (layer.moving_mean, layer.moving_variance)
        ]

    @property
    def components(self) -> list:
        """The method, the regularisers, and the books on both."""
        recorders = [self.training_dynamics] if self.training_dynamics else []
        return [self.method, *self.regularisers, *recorders]

    @property
    def state(self) -> list[keras.Variable]:
        """Every variable that decides how training goes on."""
        optimizers = [self.optimizer]
        for component in self.components:
            optimizers += component.optimizers
        owners = [self, *optimizers]
        unique = {id(v): v for owner in owners for v in owner.variables}
        return list(unique.values())

    def setup(self, source: Source | None, pipeline: InputPipeline) -> None:
        """Let the parts create what depends on the data; before `restore`."""
        with self.distribute_strategy.scope():
            for component in self.components:
                component.setup(self, source, pipeline)

    def compile(self, optimizer="sgd", **kwargs) -> None:
        """Choose the optimizer; losses and metrics belong to the method."""
        for name in ("loss", "metrics", "weighted_metrics", "loss_weights"):
            if kwargs.get(name) is not None:
                raise InvalidInput(
                    f"compile() takes no {name}: the loss belongs to the "
                    "method and the metrics to the classifier; leave it out"
                )
        # Keras would scale the loss in float16, but only in its own step.
        kwargs.setdefault("auto_scale_loss", False)
        super().compile(optimizer=optimizer, **kwargs)
        self.optimizer.build(self.network_variables)

    def call(self, inputs, training=False):
        """Logits."""
        return self.head(self.features(inputs, training=training))

    def _maybe_symbolic_build(self, iterator=None, data_batch=None) -> None:
        """Nothing: all is built. Keras would call us on a dict of a batch."""

    @property
    def eval_metrics(self) -> tuple:
        """The metrics of a test; training has the first two."""
        return (self.loss_mean, self.accuracy, *self.test_metrics)

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """Only these: a method may hold a network that has its own."""
        return list(self.eval_metrics)

    def train_step(self, batch) -> tf.Tensor:
        """One step: every method, every regulariser, every scope.

        What it returns, the logits it has begun with, a twin wants to know.
        """
        for component in self.components:
            batch = component.prepare(self, batch)
        variables = [v.value for v in self.network_variables]
        with tf.GradientTape(persistent=True) as tape:
            features = self.features(batch["inputs"], training=True)
            logits = self.head(features)
            extra = tf.cast(self._own_losses(), logits.dtype)
        forward = Forward(tape, features, logits)
        omega = self.method.compute_omega(self, batch, forward)
        loss, delta = self.loss_and_delta(
            batch, logits, omega, self.components, batch.get("weight")
        )
        # The only real gradient: delta, pulled back through the one forward.
        gradients = tape.gradient(
            [logits, extra],
            variables,
            output_gradients=[delta, tf.ones_like(extra)],
        )
        self._apply_gradients(gradients)
        collectives.average_variables(self.batch_norm_stats)
        for component in self.components:
            component.observe(self, batch, logits, omega)
        # The loss is this replica's part of the global mean.
        self.loss_mean.update_state(loss * collectives.replicas())
        self.accuracy.update_state(batch["label"], logits)
        return logits

    def loss_and_delta(self, batch, logits, omega, components=(), weight=None):
        """The loss of a batch, and its gradient on the logits.

        `weight` is given, not learned, and known to the real step alone: a
        method that saw it would learn its square.
        """
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(logits)
            per_example = self.method.loss(self, batch, logits, omega)
            for component in components:
                per_example += component.penalty(self, batch, logits)
            if weight is not None:
                per_example *= tf.cast(weight, per_example.dtype)
            loss = collectives.mean(per_example)
        return loss, tape.gradient(loss, logits)

    def _own_losses(self) -> tf.Tensor:
        """Losses that the user's layers add, such as kernel regularisers."""
        own = [*self.features.losses, *self.head.losses]
        total = tf.add_n(own) if own else tf.zeros(())
        return total / collectives.replicas()

    def _apply_gradients(self, gradients) -> None:
        gradients = add_l2(gradients, self.network_variables, self.l2)
        step = tf.cast(self.optimizer.iterations, tf.float32)
        self.optimizer.apply(gradients, self.network_variables)
        if self.averages:
            # The decay grows from 0.1: early averages forget the start.
            decay = tf.minimum(self.ema, (1.0 + step) / (10.0 + step))
            for average, v in zip(
                self.averages, self.network_variables, strict=True
            ):
                average.assign(decay * average + (1.0 - decay) * v)

    def test_step(self, batch) -> None:
        """Loss and metrics of one batch; index -1 only fills it up."""
        logits = self._evaluation_logits(batch["inputs"])
        label, real = batch["label"], None
        if "index" in batch:
            real = tf.cast(batch["index"] >= 0, logits.dtype)
        loss = losses.cross_entropy(label, logits)
        self.loss_mean.update_state(loss, sample_weight=real)
        probs = tf.nn.softmax(logits)
        for metric in self.eval_metrics[1:]:
            metric.update_state(label, probs, sample_weight=real)

    def predict_step(self, data) -> tf.Tensor | dict:
        """Class probabilities; and of which rows, if the data say so."""
        inputs = data["inputs"] if isinstance(data, dict) else data
        inputs = inputs[0] if isinstance(inputs, tuple) else inputs
        probs = tf.nn.softmax(self._evaluation_logits(inputs))
        if isinstance(data, dict) and "row" in data:
            return {"row": data["row"], "probs": probs}
        return probs

    def _evaluation_logits(self, inputs) -> tf.Tensor:
        pairs = zip(self.network_variables, self.averages, strict=False)
        averaged = [(v, average.value) for v, average in pairs]
        with keras.StatelessScope(state_mapping=averaged):
            return self(inputs, training=False)

    def label_issues(self, threshold: float = 0.5) -> list[dict]:
        """Labels that are wrong more probably than that, the worst first."""
        require_range(0, 1, threshold=threshold)
        found = collect_records(self)
        verdict = find_label_issues(found, threshold)
        return issue_table(found, verdict, verdict.issues).to_pylist()

    def save_network(self, path) -> None:
        """Save the network alone, with its averaged weights if it has any.

        Plain Keras loads it.
        """
        kept = [v.numpy() for v in self.network_variables]
        for v, average in zip(
            self.network_variables, self.averages, strict=False
        ):
            v.assign(average)
        self.network.save(path)
        for v, value in zip(self.network_variables, kept, strict=True):
            v.assign(value)
