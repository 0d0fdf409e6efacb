"""What MWNet and GDW share: weights that a small network gives.

Shu et al., "Meta-Weight-Net: Learning an Explicit Mapping For Sample
Weighting", https://arxiv.org/abs/1902.07379.
"""

import keras
import tensorflow as tf

from fsr_gdw_tf import losses, optimizers
from fsr_gdw_tf.method import warmup_done
from fsr_gdw_tf.methods.meta import MetaMethod
from fsr_gdw_tf.methods.reweighting import mean_one
from fsr_gdw_tf.recorders.class_weight_stats import (
    CLASS_WEIGHTS,
    ClassWeightStats,
)


class WeightNetMethod(MetaMethod):
    """omega starts as the output of a small network that sees the loss.

    net: loss `[batch, 1]` -> weight `[batch, 1]`; the papers' is the default.
    optimizer, l2: of the net; L2 is added to the gradient.
    warmup: epochs in which all weights are one and the net is not touched
        (below 1: their share of all epochs). Early on every example helps, so
        a net that learns from the start can end near one for everybody, and
        stay there.
    normalise: divide the net's weights by their mean over the global batch, so
        that they cannot all sink together. Better with a dictionary, worse with
        clean images and the scope "all" (CIFAR-10, small, 60 % wrong, one seed,
        images held out: .430 to .468, and .467 to .422).
    """

    def __init__(
        self, net=None, optimizer=None, l2=1e-4, normalise=False, **kwargs
    ):
        super().__init__(**kwargs)
        self.normalise = normalise
        self.net = net or weight_net()
        self.optimizer = optimizer or optimizers.Adam(1e-3)
        self.optimizer.build(self.net.trainable_variables)
        self.l2 = l2
        self.trends = None

    @property
    def optimizers(self) -> list:
        """The optimizers whose state is part of a checkpoint."""
        return [self.optimizer]

    @property
    def meta_variables(self) -> list[keras.Variable]:
        """phi, the weights of the net."""
        return self.net.trainable_variables

    def setup(self, classifier, source, pipeline) -> None:
        """Also keep books on how weights move."""
        super().setup(classifier, source, pipeline)
        if source is not None and self.trends is None:
            self.trends = ClassWeightStats(self, source)

    def instance_weights(self, batch, logits) -> tf.Tensor:
        """The net's weight of each example, `[batch, 1]`."""
        loss = losses.cross_entropy(batch["label"], logits)
        weights = self.net(tf.stop_gradient(loss)[:, None])
        return mean_one(weights) if self.normalise else weights

    def learn(self, classifier, gradients) -> None:
        """One step of the net, or none during the warm-up."""
        variables = self.net.trainable_variables
        gradients = optimizers.add_l2(gradients, variables, self.l2)
        if not self.warmup:
            self.optimizer.apply(gradients, variables)
            return
        over = warmup_done(classifier, self.warmup)
        gradients = [tf.where(over, g, tf.zeros_like(g)) for g in gradients]
        self.optimizer.apply(gradients, variables)
        # Zero gradients moved nothing; Adam's clock starts with the first
        # that is not.
        clock = self.optimizer.iterations
        clock.assign(tf.where(over, clock.value, tf.zeros_like(clock.value)))

    def watch(self, classifier, batch, before, after) -> None:
        """Note how the weights have moved; the warm-up moves none."""
        if self.trends is not None and "index" in batch:
            over = warmup_done(classifier, self.warmup)
            self.trends.watch(batch, before, after, over)

    def report(self, source) -> dict[str, float]:
        """Also which weights have grown."""
        grown = self.trends.report() if self.trends else {}
        return super().report(source) | grown

    def tables(self, source) -> dict[str, list[dict]]:
        """The weights of a few examples, before and after they moved."""
        rows = self.trends.rows(source) if self.trends else []
        return {CLASS_WEIGHTS: rows}


def weight_net(hidden: int = 100) -> keras.Model:
    """1 - hidden - 1 with a sigmoid, initialised as in the papers' code."""

    def dense(units, fan_in, activation):
        bound = fan_in**-0.5
        uniform = keras.initializers.RandomUniform
        return keras.layers.Dense(
            units,
            activation,
            dtype=keras.config.dtype_policy().variable_dtype,
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
