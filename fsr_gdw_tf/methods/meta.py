"""All methods that learn from a meta batch are one algorithm with blanks.

Where omega starts (`start`), how it shapes the loss (`objective`), and how it
moves once told the meta loss's gradient (`update`). The virtual step itself is
in `lookahead.py`.
"""

import math

import keras
import numpy as np
import tensorflow as tf
from sklearn.metrics import roc_auc_score

from fsr_gdw_tf import distribute, losses, optimizers
from fsr_gdw_tf.errors import BadInput
from fsr_gdw_tf.gradients import scale_gradient
from fsr_gdw_tf.lookahead import lookahead, scope_variables
from fsr_gdw_tf.methods.base import Method

TABLE_GIB = 1.0


class MetaMethod(Method):
    """Weights omega on the gradient of the logits, learned from meta loss.

    scope: how much of the network the virtual step moves: "all", "head", or
        the name of a layer, for that layer and all after it.
    virtual_rate: the virtual step's rate; None is the optimizer's at the time.
    virtual_momentum, virtual_l2: whether that step has what the real one has.
    meta_statistics: what batch normalisation uses for the meta batch: its own
        statistics ("batch", as in the papers' code) or the "moving" ones. None
        is "moving" for the scope "head", "batch" otherwise: a head that is
        taught on features the tests never see teaches little.
    cap: probabilities above it count as it in the gradient (GDW's code: .999);
        1.0 is plain cross-entropy.
    keep_omega: keep each example's last omega of every class, for analysis, in
        `omega_table`, examples x classes.
    """

    uses_meta = True

    def __init__(
        self,
        scope: str = "all",
        virtual_rate: float | None = None,
        virtual_momentum: bool = False,
        virtual_l2: bool = False,
        meta_statistics: str | None = None,
        cap: float = 1.0,
        keep_omega: bool = False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if meta_statistics not in (None, "batch", "moving"):
            raise BadInput(
                "meta_statistics is 'batch', 'moving' or None, got "
                f"{meta_statistics!r}"
            )
        default = "moving" if scope == "head" else "batch"
        self.meta_statistics = meta_statistics or default
        self.scope, self.virtual_rate = scope, virtual_rate
        self.virtual_momentum, self.virtual_l2 = virtual_momentum, virtual_l2
        self.cap = cap
        self.keep_omega = keep_omega
        self.table = self.omega_table = None

    @property
    def meta_variables(self) -> list[keras.Variable]:
        """What the meta loss teaches, besides omega itself."""
        return []

    def start(self, learner, batch, logits) -> tf.Tensor:
        """omega before the meta batch is seen, from `meta_variables`."""
        raise NotImplementedError("a MetaMethod says where omega starts")

    def update(self, learner, batch, logits, omega, gradients) -> tf.Tensor:
        """omega for the real step; gradients = (of omega, of variables)."""
        raise NotImplementedError("a MetaMethod says how omega moves")

    def bind(self, learner, source) -> None:
        """Check the scope; keep each example's last weight."""
        scope_variables(learner, self.scope)
        if source is None:
            return
        if self.table is None:
            self.table = self.example_table("weight", source, 1.0)
            if self.keep_omega:
                self.omega_table = self.example_table(
                    "omega", source, 1.0, learner.classes
                )
        if self.table.shape[0] != len(source):
            raise BadInput(
                f"this classifier was trained on {self.table.shape[0]} "
                f"examples and keeps books on each, got {len(source)}; build "
                "a new one"
            )

    def example_table(self, name: str, source, value: float, *width: int):
        """A number (or `width`) per training example, on all replicas."""
        shape = (len(source), *width)
        gib = 4 * math.prod(shape) / 2**30
        if gib > TABLE_GIB:
            raise BadInput(
                f"a table of {' x '.join(map(str, shape))} numbers takes "
                f"{gib:.1f} GiB on each device, more than {TABLE_GIB}; leave "
                f"{name!r} out (keep_omega=False)"
            )
        return self.add_weight(
            shape=shape,
            initializer=keras.initializers.Constant(value),
            trainable=False,
            aggregation="sum",
            name=name,
        )

    def teach(self, learner, batch, forward) -> tf.Tensor:
        """Look ahead, then move omega; the same for all meta-methods."""
        omega, *gradients = lookahead(learner, self, batch, forward)
        omega = self.update(learner, batch, forward.logits, omega, gradients)
        return tf.stop_gradient(omega)

    def meta_loss(self, learner, batch) -> tf.Tensor:
        """Cross-entropy of the meta batch."""
        own = self.meta_statistics == "batch"
        logits = learner.call(batch["meta_inputs"], training=own)
        per_example = losses.cross_entropy(batch["meta_label"], logits)
        return distribute.mean(per_example)

    def objective(self, batch, logits, omega) -> tf.Tensor:
        """Cross-entropy whose gradient on the logits is omega (p - y)."""
        scaled = scale_gradient(logits, omega)
        if self.cap < 1.0:
            return losses.capped_cross_entropy(batch["label"], scaled, self.cap)
        return losses.cross_entropy(batch["label"], scaled)

    def observe(self, learner, batch, logits, omega) -> None:
        """Note each example's weight at its label."""
        if self.table is None or "index" not in batch:
            return
        label = tf.cast(batch["label"], omega.dtype)
        target = tf.reduce_sum(omega * label, axis=-1)
        distribute.write_rows(self.table, batch["index"], target)
        if self.omega_table is not None:
            rows = tf.broadcast_to(omega, tf.shape(label))
            distribute.write_rows(self.omega_table, batch["index"], rows)

    def report(self, source) -> dict[str, float]:
        """The weights of the last epoch: spread, and what they tell apart."""
        if self.table is None:
            return {}
        return weight_report(np.array(self.table), source)


def weight_report(weights: np.ndarray, source) -> dict[str, float]:
    """Mean and spread; by clean and mislabelled where the truth is known."""
    logs = {"weight_mean": weights.mean(), "weight_std": weights.std()}
    if source.true_labels is not None and np.isfinite(weights).all():
        clean = source.labels == source.true_labels
        if 0 < clean.sum() < len(clean):
            logs["weight_clean"] = weights[clean].mean()
            logs["weight_mislabelled"] = weights[~clean].mean()
            logs["weight_auroc"] = roc_auc_score(clean, weights)
    return {name: float(value) for name, value in logs.items()}


class WeightNetMethod(MetaMethod):
    """omega starts as the output of a small network that sees the loss.

    net: loss `[batch, 1]` -> weight `[batch, 1]`; the papers' is the default.
    optimizer, l2: of the net; L2 is added to the gradient.
    warmup: epochs in which all weights are one and the net is not touched.
        Early on every example helps, so a net that learns from the start can
        end near one for everybody, and stay there.
    """

    def __init__(self, net=None, optimizer=None, l2=1e-4, warmup=0, **kwargs):
        super().__init__(**kwargs)
        self.net = net or weight_net()
        self.optimizer = optimizer or optimizers.Adam(1e-3)
        self.optimizer.build(self.net.trainable_variables)
        self.l2, self.warmup = l2, warmup

    @property
    def optimizers(self) -> list:
        """The optimizers whose state is part of a checkpoint."""
        return [self.optimizer]

    @property
    def meta_variables(self) -> list[keras.Variable]:
        """phi, the weights of the net."""
        return self.net.trainable_variables

    def instance_weights(self, batch, logits) -> tf.Tensor:
        """The net's weight of each example, `[batch, 1]`."""
        loss = losses.cross_entropy(batch["label"], logits)
        return self.net(tf.stop_gradient(loss)[:, None])

    @property
    def first_epoch(self) -> int:
        """The first epoch after the warm-up."""
        return self.warmup

    def awake(self, learner) -> tf.Tensor:
        """Whether the warm-up is over."""
        return learner.epoch.value >= self.warmup

    def learn(self, learner, gradients) -> None:
        """One step of the net, or none during the warm-up."""
        variables = self.net.trainable_variables
        gradients = optimizers.add_l2(gradients, variables, self.l2)
        if not self.warmup:
            self.optimizer.apply(gradients, variables)
            return
        awake = self.awake(learner)
        gradients = [tf.where(awake, g, tf.zeros_like(g)) for g in gradients]
        self.optimizer.apply(gradients, variables)
        # Zero gradients moved nothing; Adam's clock starts with the first
        # that is not.
        clock = self.optimizer.iterations
        clock.assign(tf.where(awake, clock.value, tf.zeros_like(clock.value)))

    def ready(self, learner, omega) -> tf.Tensor:
        """omega, or one during the warm-up."""
        if not self.warmup:
            return omega
        return tf.where(self.awake(learner), omega, tf.ones_like(omega))


def weight_net(hidden: int = 100) -> keras.Model:
    """1 - hidden - 1 with a sigmoid, initialised as in the papers' code."""

    def dense(units, fan_in, activation):
        bound = fan_in**-0.5
        uniform = keras.initializers.RandomUniform
        return keras.layers.Dense(
            units,
            activation,
            kernel_initializer=uniform(-bound, bound),
            bias_initializer=uniform(-bound, bound),
        )

    return keras.Sequential(
        [
            keras.Input((1,)),
            dense(hidden, 1, "relu"),
            dense(1, hidden, "sigmoid"),
        ],
        name="weight_net",
    )
