"""Optimizers with the arithmetic of both papers' code, and schedules in epochs.

Keras' SGD keeps the learning rate inside the momentum buffer, so a change of
the rate acts late; here m <- momentum m + g, theta <- theta - rate m, as in
PyTorch and in TensorFlow's old MomentumOptimizer. L2 is not here: the
classifier adds `l2 * theta` to the gradient before any optimizer sees it.
"""

import gin
import keras
import tensorflow as tf


@gin.register(module="fsr_gdw_tf")
class SGD(keras.optimizers.Optimizer):
    """Momentum whose buffer holds gradients, not steps."""

    def __init__(
        self, learning_rate=0.1, momentum=0.9, nesterov=False, **kwargs
    ):
        super().__init__(learning_rate=learning_rate, **kwargs)
        self.momentum, self.nesterov = momentum, nesterov

    def build(self, variables) -> None:
        """One buffer per variable."""
        if self.built:
            return
        super().build(variables)
        self.buffers = [
            self.add_variable_from_reference(v, name="momentum")
            for v in variables
        ]

    def update_step(self, gradient, variable, learning_rate) -> None:
        """m <- momentum m + g; theta <- theta - rate m."""
        rate = keras.ops.cast(learning_rate, variable.dtype)
        gradient = keras.ops.cast(gradient, variable.dtype)
        buffer = self.buffers[self._get_variable_index(variable)]
        moment = self.momentum * buffer + gradient
        self.assign(buffer, moment)
        if self.nesterov:
            moment = gradient + self.momentum * moment
        self.assign_sub(variable, rate * moment)

    def get_config(self) -> dict:
        """What is needed to build the same optimizer again."""
        config = {"momentum": self.momentum, "nesterov": self.nesterov}
        return {**super().get_config(), **config}


class InEpochs(keras.optimizers.schedules.LearningRateSchedule):
    """A schedule whose unit is the epoch; constant within one if `staircase`.

    So recipes speak of epochs whatever the batch size and the data.
    """

    def __init__(self, schedule, steps_per_epoch: int, staircase: bool = True):
        self.schedule, self.steps_per_epoch = schedule, steps_per_epoch
        self.staircase = staircase

    def __call__(self, step):
        """The learning rate at a training step."""
        epoch = tf.cast(step, tf.float32) / self.steps_per_epoch
        if self.staircase:
            # Steps are counted in integers: no rounding at the border.
            epoch = tf.cast(step, tf.int64) // self.steps_per_epoch
            epoch = tf.cast(epoch, tf.float32)
        return self.schedule(epoch)

    def get_config(self) -> dict:
        """What is needed to build the same schedule again."""
        return {
            "schedule": self.schedule,
            "steps_per_epoch": self.steps_per_epoch,
            "staircase": self.staircase,
        }


SCHEDULES = [
    keras.optimizers.schedules.CosineDecay,
    keras.optimizers.schedules.CosineDecayRestarts,
    keras.optimizers.schedules.ExponentialDecay,
    keras.optimizers.schedules.PiecewiseConstantDecay,
]
for _kind in [*SCHEDULES, keras.optimizers.Adam, keras.optimizers.AdamW]:
    gin.external_configurable(_kind, module="keras")
