"""The only train step, and the steps of tests and predictions."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from fsr_gdw_tf import losses, metrics
from fsr_gdw_tf.data import data_adapter, nested
from fsr_gdw_tf.data.batch_dicts import labels_are_one_hot
from fsr_gdw_tf.data.pipeline import InputPipeline
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
from fsr_gdw_tf.trainer import on_batch
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
    def all_users_metrics(self) -> tuple[keras.metrics.Metric, ...]:
        """The metrics of `compile`."""
        return (*self.users_metrics, *self.weighted_users_metrics)

    @property
    def train_metrics(self) -> tuple[keras.metrics.Metric, ...]:
        """The metrics of training: losses, accuracy, and the user's."""
        plain = (self.plain_loss,) if self.plain_loss else ()
        users = self.all_users_metrics
        return (self.loss_mean, self.accuracy, *plain, *users)

    @property
    def eval_metrics(self) -> tuple[keras.metrics.Metric, ...]:
        """The metrics of a test; loss and accuracy are the first."""
        measured = (*self.test_metrics, *self.all_users_metrics)
        return (self.loss_mean, self.accuracy, *measured)

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """The metrics, without those of networks inside of methods."""
        loss, *others = self.train_metrics
        return [loss, metrics.ListedMetrics([*others, *self.test_metrics])]

    def keep_label_form(self, x, y) -> None:
        """Let users' metrics get labels as the user has them: as in Keras."""
        one_hot = labels_are_one_hot(x, y)
        if self.all_users_metrics and one_hot != self.one_hot_labels:
            self.train_function = self.test_function = None
        self.one_hot_labels = one_hot

    def _update_users_metrics(self, label, probs, mask, weight) -> None:
        """Update the metrics of `compile`, with what `predict` returns.

        mask: 0 for examples that do not count; weight: for weighted metrics.
        """
        if not self.one_hot_labels:
            label = tf.argmax(label, axis=-1)[:, None]
        outputs = self._outputs(probs)
        for metric in self.users_metrics:
            metric.update_state(label, outputs, sample_weight=mask)
        for metric in self.weighted_users_metrics:
            metric.update_state(label, outputs, sample_weight=weight)

    def _outputs(self, probs):
        """Return the outputs of the user's network for class probabilities."""
        return probs[:, 1:] if self.single_output else probs

    def train_step(self, batch: Batch) -> dict[str, tf.Tensor]:
        """Take one step; the same for all methods, regularisers and scopes."""
        self.update_weights(batch)
        return metrics.results(self.train_metrics)

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
        if self.plain_loss:
            plain = losses.cross_entropy(batch["label"], logits)
            self.plain_loss.update_state(plain)
        probs = tf.nn.softmax(logits)
        # Users' weighted metrics are for the weights that the user gave.
        weight = batch.get("given_weight", batch.get("weight"))
        self._update_users_metrics(batch["label"], probs, None, weight)

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
        label, mask, weight = batch["label"], None, batch.get("weight")
        if "index" in batch:
            mask = tf.cast(batch["index"] >= 0, logits.dtype)
        loss = losses.cross_entropy(label, logits)
        if weight is not None:
            weight = tf.cast(weight, loss.dtype)
            loss *= weight
            weight = weight if mask is None else weight * mask
        self.loss_mean.update_state(loss, sample_weight=mask)
        probs = tf.nn.softmax(logits)
        rounded = tf.cast(probs, tf.float32)  # Keras' top-5 takes no float64
        for metric in (self.accuracy, *self.test_metrics):
            metric.update_state(label, rounded, sample_weight=mask)
        weight = mask if weight is None else weight
        self._update_users_metrics(label, probs, mask, weight)

    def predict_step(self, data: Batch | tf.Tensor) -> tf.Tensor | dict:
        """Return class probabilities, with row numbers if the data have any."""
        keys = set(data) if isinstance(data, dict) else set()
        is_batch = {"inputs", "label"} <= keys
        inputs = data["inputs"] if is_batch else data
        inputs = data[0] if isinstance(data, tuple) else inputs
        probs = tf.nn.softmax(self._evaluation_logits(inputs))
        if is_batch and "row" in data:
            return {"row": data["row"], "probs": probs}
        return probs

    def _evaluation_logits(self, inputs) -> tf.Tensor:
        if not self.average:
            return self(inputs, training=False)
        averages = [(v, average.value) for v, average in self.average.pairs]
        with keras.StatelessScope(state_mapping=averages):
            return self(inputs, training=False)

    def train_on_batch(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        class_weight: dict[int, float] | None = None,
        return_dict: bool = False,
        *,
        meta: Any = None,
    ) -> list[float] | dict[str, float]:
        """Take one step on a batch of arrays; return its metrics.

        For methods without state for each example; `meta` is a batch of clean
        examples for those that learn from one. All other arguments are Keras'.
        """
        self._assert_compile_called("train_on_batch")
        network = self.network_inputs
        weights = sample_weight, class_weight
        batch = on_batch.as_batch(x, y, network, *weights)
        if meta is not None:
            clean = on_batch.as_batch(*meta, network)
            batch |= {
                "meta_inputs": clean["inputs"],
                "meta_label": clean["label"],
            }
        data_adapter.require_meta(self.method, "meta_inputs" in batch)
        self.keep_label_form(x, y)
        self.setup(None, InputPipeline(len(batch["label"])))
        self.make_train_function()
        logs = on_batch.run(self, self.train_function, batch)
        return logs if return_dict else list(logs.values())

    def test_on_batch(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        return_dict: bool = False,
    ) -> list[float] | dict[str, float]:
        """Return loss and metrics of a batch of arrays."""
        self._assert_compile_called("test_on_batch")
        batch = on_batch.as_batch(x, y, self.network_inputs, sample_weight)
        self.keep_label_form(x, y)
        self.make_test_function()
        logs = on_batch.run(self, self.test_function, batch)
        return logs if return_dict else list(logs.values())

    def predict_on_batch(self, x: Any) -> np.ndarray:
        """Return what `predict` returns for a batch of arrays."""
        x = self.network_inputs.as_arrays(x)
        return self.predict(x, batch_size=nested.size(x), verbose=0)
