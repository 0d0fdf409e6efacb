"""The algorithm shared by all methods that learn from a meta batch.

A method implements where omega starts (`start`), how the meta loss's gradient
updates it (`update`) and, if it is not a weight, how the loss depends on it
(`objective`). The virtual step itself is in `lookahead/`. The meta batch
comes from a clean meta set or, with `meta=Dictionary()`, from the training set.
"""

import dataclasses

import keras
import tensorflow as tf

from fsr_gdw_tf import losses
from fsr_gdw_tf.data import nested
from fsr_gdw_tf.dictionary import Dictionary
from fsr_gdw_tf.distribution import collectives
from fsr_gdw_tf.errors import INF, InvalidInput, require_range
from fsr_gdw_tf.example_state import require_same_examples
from fsr_gdw_tf.lookahead import (
    EXACT,
    OPTIMIZER,
    LookaheadResult,
    MetaLoss,
    VirtualStep,
    fill_defaults,
    lookahead,
    precompute_meta_grad,
)
from fsr_gdw_tf.lookahead.finite_difference import random_states
from fsr_gdw_tf.losses import scale_gradient
from fsr_gdw_tf.method import Batch, Forward, Method, OmegaUpdate
from fsr_gdw_tf.networks.scope import scope_variables


class MetaMethod(Method):
    """Weights omega on the gradient of the logits, learned from the meta loss.

    scope: how much of the network the virtual step moves: "all", "head", or
        the name of a layer, for that layer and all after it.
    meta: where the meta batch comes from: None is the clean meta set that
        comes with the batches; a `Dictionary` needs no clean labels, and
        "dictionary" is one with its defaults.
    virtual_step, meta_loss: a `VirtualStep` and a `MetaLoss`.
    warmup: epochs, or below 1 their share of all, in which all weights are one.
    cap: upper bound of probabilities in the gradient (GDW's code: .999); 1.0
        is plain cross-entropy.
    """

    weight_net = None  # learns from the meta loss, if there is one
    default_virtual_step = VirtualStep(OPTIMIZER, False, False, True, EXACT)
    default_meta_loss = MetaLoss(False, 0.0, None, 1, 0.0)

    def __init__(
        self,
        scope: str = "all",
        meta: Dictionary | str | None = None,
        virtual_step: VirtualStep | None = None,
        meta_loss: MetaLoss | None = None,
        warmup: float = 0,
        cap: float = 1.0,
        **kwargs,
    ):
        super().__init__(warmup=warmup, **kwargs)
        require_range(0, INF, cap=cap)
        self.scope = scope
        self.dictionary = as_dictionary(meta, type(self).__name__)
        self.virtual_step = fill_defaults(
            virtual_step, self.default_virtual_step
        )
        self.meta_loss = fill_defaults(meta_loss, self.default_meta_loss)
        if self.meta_loss.statistics is None:
            default = "moving" if scope == "head" else "batch"
            self.meta_loss = dataclasses.replace(
                self.meta_loss, statistics=default
            )
        if self.dictionary:
            statistics = self.meta_loss.statistics
            ahead = self.virtual_step.uses_batch
            self.dictionary.check(scope, statistics, ahead)
        self._check_every()
        self.cap = cap
        self.cached_meta_grad = []

    def _check_every(self) -> None:
        """Raise if `every` > 1, and a setting needs a gradient in each step."""
        if self.meta_loss.every == 1:
            return
        joint = self.meta_loss.statistics == "joint"
        for is_invalid, needed in (
            (
                self.virtual_step.uses_batch,
                "VirtualStep(ahead=False): the gradient at the current weights "
                "is what can be reused",
            ),
            (
                self.dictionary,
                "a clean meta set: a dictionary scores examples in each step",
            ),
            (joint, "statistics 'batch' or 'moving'"),
        ):
            if is_invalid:
                raise InvalidInput(
                    f"MetaLoss(every={self.meta_loss.every}) needs {needed}"
                )

    @property
    def optimizers(self) -> list[keras.optimizers.Optimizer]:
        return [self.weight_net.optimizer] if self.weight_net else []

    @property
    def uses_meta(self) -> bool:
        """Return whether the method needs a clean meta set."""
        return self.dictionary is None

    @property
    def meta_variables(self) -> list[keras.Variable]:
        """Variables that `start` depends on, trained on the meta loss."""
        return self.weight_net.trainable_variables if self.weight_net else []

    def plain_omega(self, batch, logits) -> tf.Tensor | None:
        return tf.ones_like(logits[:, :1])

    def start(
        self, classifier: keras.Model, batch: Batch, logits: tf.Tensor
    ) -> tf.Tensor:
        """Return omega for the virtual step, from `meta_variables`."""
        raise NotImplementedError("a MetaMethod must implement start")

    def update(
        self,
        classifier: keras.Model,
        batch: Batch,
        logits: tf.Tensor,
        result: LookaheadResult,
    ) -> tf.Tensor:
        """Return omega for the real step, from the meta loss's gradients."""
        raise NotImplementedError("a MetaMethod must implement update")

    def setup(self, classifier, source, pipeline) -> None:
        # Called where it is not used too: an unknown scope must raise early.
        variables = scope_variables(classifier, self.scope)
        keeps_gradient = self.meta_loss.every > 1 or self.meta_loss.average
        if keeps_gradient and not self.cached_meta_grad:
            self.cached_meta_grad = [
                self.add_weight(
                    shape=v.shape,
                    dtype=v.dtype,
                    initializer="zeros",
                    trainable=False,
                    aggregation="only_first_replica",
                    name="meta_grad",
                )
                for v in variables
            ]
        if self.dictionary:
            self.dictionary.setup(classifier, source, pipeline)
        if source is not None:
            require_same_examples(self, source)

    def prepare(self, classifier, batch) -> Batch:
        if self.virtual_step.hypergradient != EXACT:
            states = random_states(classifier.features)
            batch = {**batch, "random_states": states}
        if self.dictionary:
            return self.dictionary.prepare(classifier, batch)
        joint = self.meta_loss.statistics == "joint"
        if self.virtual_step.uses_batch or joint:
            return batch
        return precompute_meta_grad(classifier, self, batch)

    def compute_omega(self, classifier, batch, forward) -> OmegaUpdate:
        result = lookahead(classifier, self, batch, forward)
        omega = self.update(classifier, batch, forward.logits, result)
        omega = self.apply_warmup(classifier, batch, omega)
        logits = (None, None)
        if self.dictionary:
            logits = self._update_dictionary(
                classifier, batch, forward, *result.aux
            )
        return OmegaUpdate(result.omega, tf.stop_gradient(omega), *logits)

    def compute_meta_loss(
        self, classifier: keras.Model, batch: Batch, forward: Forward | None
    ) -> tuple[tf.Tensor, tuple[tf.Tensor, tf.Tensor]]:
        """Return the meta loss; the training batch's features and logits."""
        logits, aux = self._meta_logits(classifier, batch, forward)
        labels = losses.smooth_labels(
            batch["meta_label"], self.meta_loss.smoothing
        )
        loss = collectives.mean(losses.cross_entropy(labels, logits))
        if self.meta_loss.l2:
            variables = scope_variables(classifier, self.scope)
            squares = tf.add_n([tf.reduce_sum(v.value**2) for v in variables])
            squares = tf.cast(squares, loss.dtype)
            loss += 0.5 * classifier.l2 * squares / collectives.replicas()
        return loss, aux

    def _meta_logits(self, classifier, batch: Batch, forward: Forward | None):
        """Return the meta batch's logits; features and logits of the last one.

        With a dictionary the training batch is last; it is forwarded again only
        if its un-mixed features are not those of the step's forward pass.
        """
        inputs = [batch["meta_inputs"]] if "meta_inputs" in batch else []
        step_features, mixed = None, "unmixed_inputs" in batch
        statistics = self.meta_loss.statistics
        joint = statistics == "joint"
        if self.dictionary or joint:
            # A head's features do not move; without a virtual step none do.
            stay = not self.virtual_step.ahead and statistics == "batch"
            if (self.scope == "head" or stay) and not mixed and not joint:
                step_features = forward.features
            else:
                inputs.append(batch.get("unmixed_inputs", batch["inputs"]))
        features = self._meta_features(classifier, inputs)
        if "meta_features" in batch:
            features.insert(0, batch["meta_features"])
        if step_features is not None:
            features.append(step_features)
        logits = [classifier.head(f) for f in features]
        return logits[0], (features[-1], logits[-1])

    def _meta_features(self, classifier, inputs: list) -> list[tf.Tensor]:
        """Return the features of each batch."""
        if not inputs:
            return []
        statistics = self.meta_loss.statistics
        if statistics == "batch":
            return [classifier.features(x, training=True) for x in inputs]
        features = classifier.features(
            nested.concat(inputs), training=statistics == "joint"
        )
        return tf.split(features, [nested.batch_size(x) for x in inputs])

    def _update_dictionary(
        self, classifier, batch: Batch, forward: Forward, features, logits_after
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Update the scores; return logits before and after the step."""
        omega = self.plain_omega(batch, forward.logits)
        if omega is None:
            loss = losses.cross_entropy(batch["label"], forward.logits)
        else:
            loss = self.objective(batch, forward.logits, omega)
        logits_before = classifier.head(features)
        self.dictionary.update_scores(
            batch,
            label=batch.get("unmixed_label", batch["label"]),
            loss=loss,
            logits_after=logits_after,
            logits_unmixed=logits_before,
        )
        if self.dictionary.bank:
            self.dictionary.update_features(batch["index"], features)
        return logits_before, logits_after

    def objective(self, batch, logits, omega) -> tf.Tensor:
        # Its gradient on the logits is omega (p - y), Eq. 2 of GDW.
        scaled = scale_gradient(logits, omega)
        if self.cap >= 1.0:
            return losses.cross_entropy(batch["label"], scaled)
        return losses.capped_cross_entropy(batch["label"], scaled, self.cap)

    def epoch_logs(self, source) -> dict[str, float]:
        if source is None or not self.dictionary:
            return {}
        return self.dictionary.epoch_logs(source)


def as_dictionary(
    meta: Dictionary | str | None, name: str
) -> Dictionary | None:
    """Return the dictionary that `meta` of the method `name` stands for."""
    if meta is None or isinstance(meta, Dictionary):
        return meta
    if isinstance(meta, str) and meta == "dictionary":
        return Dictionary()
    got = repr(meta) if isinstance(meta, str) else f"a {type(meta).__name__}"
    raise InvalidInput(
        "meta must be None (a clean meta set), 'dictionary' or a Dictionary(), "
        f"got {got}; for clean examples write {name}(meta=None) and "
        "classifier.fit(x, y, meta=(x_clean, y_clean))"
    )
