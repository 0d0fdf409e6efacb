"""The weight net of MWNet and GDW, which maps an example's loss to its weight.

Shu et al., "Meta-Weight-Net: Learning an Explicit Mapping For Sample
Weighting", https://arxiv.org/abs/1902.07379.
"""

import gin
import keras
import tensorflow as tf

from fsr_gdw_tf import losses, optimizers
from fsr_gdw_tf.errors import INF, require_annotated, require_range
from fsr_gdw_tf.method import Batch, warmup_done
from fsr_gdw_tf.methods.reweighting import mean_one


@gin.register
class WeightNet(keras.layers.Layer):
    """A small network with an optimizer of its own.

    net: loss `[batch, 1]` -> weight `[batch, 1]`; None is the papers' net.
    optimizer, l2: of the net; L2 is added to the gradient.
    normalise: divide the weights by their mean over the global batch, so that
        they cannot all decrease together. Better with a dictionary, worse with
        clean images and the scope "all" (a part of CIFAR-10, 60 % noise, one
        seed, held-out images: .430 to .468, and .467 to .422).

    Early in training every example lowers the meta loss, so a net that is
    trained from the first step can saturate at one for all examples. A method
    with a warm-up does not train the net before its end.
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
        given = {"net": net, "optimizer": optimizer, "normalise": normalise}
        require_annotated(WeightNet, given)
        require_range(0, INF, l2=l2)
        self.net = net or small_net()
        self.optimizer = optimizer or optimizers.Adam(1e-3)
        self.optimizer.build(self.net.trainable_variables)
        self.l2, self.normalise = l2, normalise

    def example_weights(self, batch: Batch, logits: tf.Tensor) -> tf.Tensor:
        """Return the weight of each example, `[batch, 1]`."""
        loss = losses.cross_entropy(batch["label"], logits)
        weights = self.net(tf.stop_gradient(loss)[:, None])
        return mean_one(weights) if self.normalise else weights

    def learn(
        self, classifier: keras.Model, gradients: list[tf.Tensor]
    ) -> None:
        """Take one step of the net, or none in the warm-up of the method."""
        variables = self.net.trainable_variables
        gradients = optimizers.add_l2(gradients, variables, self.l2)
        warmup = classifier.method.warmup
        if not warmup:
            self.optimizer.apply(gradients, variables)
            return
        done = warmup_done(classifier, warmup)
        gradients = [tf.where(done, g, tf.zeros_like(g)) for g in gradients]
        self.optimizer.apply(gradients, variables)
        # Zero gradients have changed nothing, but Adam's bias correction
        # depends on the number of steps: count from the end of the warm-up.
        steps = self.optimizer.iterations
        steps.assign(tf.where(done, steps.value, tf.zeros_like(steps.value)))


def small_net(hidden: int = 100) -> keras.Model:
    """Return the papers' MLP, 1 - hidden - 1 with a sigmoid."""

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
