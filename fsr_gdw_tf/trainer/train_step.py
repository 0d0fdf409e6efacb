"""The only train step, and the steps of tests and predictions."""

from collections.abc import Sequence

import keras
import tensorflow as tf

from fsr_gdw_tf import losses
from fsr_gdw_tf.distribution import collectives
from fsr_gdw_tf.method import (
    Batch,
    Component,
    Forward,
    OmegaUpdate,
    apply_warmup,
)
from fsr_gdw_tf.networks.inner_features import InnerFeatures
from fsr_gdw_tf.optimizers import add_l2
from fsr_gdw_tf.trainer.saved_network import SavedNetwork


class TrainStep(SavedNetwork):
    """A step on a batch: the same for all methods, regularisers and scopes.

    The attributes it uses are those of `Classifier`.
    """

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
            output_gradients=[
                self.optimizer.scale_loss(g)
                for g in (delta, tf.ones_like(layer_losses))
            ],
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
        layer_losses = list(self.features.losses)
        if not isinstance(self.features, InnerFeatures):  # which has the head
            layer_losses += self.head.losses
        total = tf.add_n(layer_losses) if layer_losses else tf.zeros(())
        return total / collectives.replicas()

    def _apply_gradients(self, gradients: list[tf.Tensor]) -> None:
        if self.l2:
            l2 = self.optimizer.scale_loss(self.l2)
            gradients = add_l2(gradients, self.network_variables, l2)
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
        """Return what `predict` returns, with row numbers if there are any."""
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
