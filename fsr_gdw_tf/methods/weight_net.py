"""The weight net of MWNet and GDW: it maps an example's loss to its weight.

Shu et al., "Meta-Weight-Net: Learning an Explicit Mapping For Sample
Weighting", https://arxiv.org/abs/1902.07379.
"""

import gin
import keras
import tensorflow as tf

from fsr_gdw_tf import losses, optimizers
from fsr_gdw_tf.method import warmup_done
from fsr_gdw_tf.methods.reweighting import mean_one


@gin.register
class WeightNet(keras.layers.Layer):
    """A small network with an optimizer of its own.

    net: loss `[batch, 1]` -> weight `[batch, 1]`; the papers' is the default.
    optimizer, l2: of the net; L2 is added to the gradient.
    normalise: divide the weights by their mean over the global batch, so that
        they cannot all sink together. Better with a dictionary, worse with
        clean images and the scope "all" (CIFAR-10, small, 60 % wrong, one seed,
        images held out: .430 to .468, and .467 to .422).

    Early in training every example helps, so a net that learns from the first
    step can end near one for all examples, and stay there. A method with a
    warm-up leaves the net as it is until that is over.
    """

    def __init__(
        self,
        net: keras.Model | None = None,
        optimizer: keras.optimizers.Optimizer | None = None,
        l2: float = 1e-4,
        normalise: bool = False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.net = net or small_net()
        self.optimizer = optimizer or optimizers.Adam(1e-3)
        self.optimizer.build(self.net.trainable_variables)
        self.l2, self.normalise = l2, normalise

    def example_weights(self, batch, logits) -> tf.Tensor:
        """Return the weight of each example, `[batch, 1]`."""
        loss = losses.cross_entropy(batch["label"], logits)
        weights = self.net(tf.stop_gradient(loss)[:, None])
        return mean_one(weights) if self.normalise else weights

    def learn(self, classifier, gradients: list[tf.Tensor]) -> None:
        """Take one step, or none during the warm-up of the method."""
        variables = self.net.trainable_variables
        gradients = optimizers.add_l2(gradients, variables, self.l2)
        warmup = classifier.method.warmup
        if not warmup:
            self.optimizer.apply(gradients, variables)
            return
        done = warmup_done(classifier, warmup)
        gradients = [tf.where(done, g, tf.zeros_like(g)) for g in gradients]
        self.optimizer.apply(gradients, variables)
        # Zero gradients moved nothing; Adam counts steps from the first
        # gradient that is not zero.
        steps = self.optimizer.iterations
        steps.assign(tf.where(done, steps.value, tf.zeros_like(steps.value)))


def small_net(hidden: int = 100) -> keras.Model:
    """Build 1 - hidden - 1 with a sigmoid, initialised as in the papers."""

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
