"""Optimizers that compute as both papers' code does, and schedules in epochs.

Keras' SGD multiplies by the learning rate before it accumulates momentum, so
that a change of the rate takes effect late. Here m <- momentum m + g, theta <-
theta - rate m, as in PyTorch and TensorFlow 1. L2 is not part of an optimizer:
the classifier adds `l2 * theta` to the gradient first (coupled weight decay).
"""

from collections.abc import Sequence

import gin
import keras
import numpy as np
import tensorflow as tf

from fsr_gdw_tf.distribution import collectives
from fsr_gdw_tf.errors import InvalidInput

LearningRate = float | keras.optimizers.schedules.LearningRateSchedule


@gin.register(module="fsr_gdw_tf")
class SGD(keras.optimizers.Optimizer):
    """SGD whose momentum buffer accumulates gradients, not steps."""

    def __init__(
        self,
        learning_rate: LearningRate = 0.1,
        momentum: float = 0.9,
        nesterov: bool = False,
        **kwargs,
    ):
        super().__init__(learning_rate=learning_rate, **kwargs)
        self.momentum, self.nesterov = momentum, nesterov

    def build(self, variables: Sequence[keras.Variable]) -> None:
        """Create a momentum buffer per variable."""
        if self.built:
            return
        super().build(variables)
        self.buffers = [
            self.add_variable_from_reference(v, name="momentum")
            for v in variables
        ]

    def update_step(self, gradient, variable, learning_rate) -> None:
        """Update m <- momentum m + g, then theta <- theta - rate m."""
        rate = keras.ops.cast(learning_rate, variable.dtype)
        gradient = keras.ops.cast(gradient, variable.dtype)
        buffer = self.buffers[self._get_variable_index(variable)]
        moment = self.momentum * buffer + gradient
        self.assign(buffer, moment)
        if self.nesterov:
            moment = gradient + self.momentum * moment
        self.assign_sub(variable, rate * moment)

    def get_config(self) -> dict:
        """Return the settings to build the same optimizer from."""
        config = {"momentum": self.momentum, "nesterov": self.nesterov}
        return {**super().get_config(), **config}


@gin.register(module="fsr_gdw_tf")
class Adam(keras.optimizers.Optimizer):
    """Adam whose epsilon is added after bias correction, as in its paper.

    theta <- theta - rate m_hat / (sqrt(v_hat) + epsilon). PyTorch does the
    same; Keras adds a larger epsilon before bias correction.
    """

    def __init__(
        self,
        learning_rate: LearningRate = 1e-3,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        **kwargs,
    ):
        super().__init__(learning_rate=learning_rate, **kwargs)
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon

    def build(self, variables: Sequence[keras.Variable]) -> None:
        """Create the two moment buffers per variable."""
        if self.built:
            return
        super().build(variables)
        self.means, self.squares = (
            [self.add_variable_from_reference(v, name=name) for v in variables]
            for name in ("mean", "square")
        )

    def update_step(self, gradient, variable, learning_rate) -> None:
        """Apply Algorithm 1 of Adam, https://arxiv.org/abs/1412.6980."""
        dtype = variable.dtype
        rate = keras.ops.cast(learning_rate, dtype)
        gradient = keras.ops.cast(gradient, dtype)
        step = keras.ops.cast(self.iterations + 1, dtype)
        index = self._get_variable_index(variable)
        mean, square = self.means[index], self.squares[index]
        b1, b2 = self.beta_1, self.beta_2
        self.assign(mean, b1 * mean + (1 - b1) * gradient)
        self.assign(square, b2 * square + (1 - b2) * gradient**2)
        # Betas stay Python floats: cast to float32 first they would be rounded
        # in float64 training.
        mean_hat = mean / (1 - b1**step)
        square_hat = square / (1 - b2**step)
        root = keras.ops.sqrt(square_hat) + self.epsilon
        self.assign_sub(variable, rate * mean_hat / root)

    def get_config(self) -> dict:
        """Return the settings to build the same optimizer from."""
        names = ("beta_1", "beta_2", "epsilon")
        return {
            **super().get_config(),
            **{name: getattr(self, name) for name in names},
        }


def clone_optimizer(
    optimizer: keras.optimizers.Optimizer,
) -> keras.optimizers.Optimizer:
    """Return a new optimizer of the same settings and learning rate.

    Both share the learning rate's variable, so that a callback changes both.
    """
    optimizer = without_loss_scale(optimizer)
    rate = optimizer._learning_rate
    is_variable = isinstance(rate, keras.Variable)
    initial_rate = float(np.array(rate)) if is_variable else rate
    try:
        config = optimizer.get_config() | {"learning_rate": initial_rate}
        clone = type(optimizer).from_config(config)
    except NotImplementedError as error:
        raise InvalidInput(
            f"the optimizer of the second network is a clone, but "
            f"{type(optimizer).__name__} or its schedule has no get_config "
            f"({error}); implement it"
        ) from error
    clone._learning_rate = rate
    return clone


def without_loss_scale(
    optimizer: keras.optimizers.Optimizer,
) -> keras.optimizers.Optimizer:
    """Return the optimizer inside of a LossScaleOptimizer, or itself."""
    return getattr(optimizer, "inner_optimizer", optimizer)


def with_loss_scale(
    optimizer: keras.optimizers.Optimizer | str, network: keras.layers.Layer
) -> keras.optimizers.Optimizer:
    """Return the optimizer; one that scales losses if layers are float16.

    Without it small gradients would be zero, as in Keras.
    """
    optimizer = keras.optimizers.get(optimizer)
    layers = network._flatten_layers()
    is_half = any(layer.compute_dtype == "float16" for layer in layers)
    kind = keras.optimizers.LossScaleOptimizer
    if not is_half or isinstance(optimizer, kind):
        return optimizer
    return kind(optimizer)


def add_l2(
    gradients: Sequence[tf.Tensor | None],
    variables: Sequence[keras.Variable],
    l2: float,
) -> Sequence[tf.Tensor | None]:
    """Return g + l2 theta for each gradient: coupled weight decay."""
    if not l2:
        return gradients
    # The optimizer sums gradients over the replicas.
    share = l2 / collectives.replicas()
    return [
        None if g is None else g + share * v.value
        for g, v in zip(gradients, variables, strict=True)
    ]


def momentum_term(
    optimizer: keras.optimizers.Optimizer,
    variable: keras.Variable,
    required: bool = True,
) -> tf.Tensor | float:
    """Return momentum * m, which the next SGD step adds to the gradient.

    required: raise for optimizers without momentum, instead of returning 0.
    """
    optimizer = without_loss_scale(optimizer)
    buffers = getattr(optimizer, "buffers", None) or getattr(
        optimizer, "momentums", None
    )
    if not buffers and not required:
        return 0.0
    if not buffers:
        raise InvalidInput(
            "a virtual step with momentum needs SGD with momentum, got "
            f"{type(optimizer).__name__}; set VirtualStep(momentum=False), and "
            "another `ahead` than 'momentum'"
        )
    buffer = buffers[optimizer._get_variable_index(variable)].value
    if not isinstance(optimizer, SGD):
        # Keras' SGD stores -rate * m.
        rate = tf.cast(optimizer.learning_rate, buffer.dtype)
        buffer = tf.math.divide_no_nan(-buffer, rate)
    return optimizer.momentum * buffer


class EpochSchedule(keras.optimizers.schedules.LearningRateSchedule):
    """A learning rate schedule as a function of the epoch, not the step.

    Settings in epochs hold for every batch size and data set.

    schedule: maps the epoch to the learning rate.
    staircase: keep the rate constant within an epoch.
    """

    def __init__(
        self,
        schedule: keras.optimizers.schedules.LearningRateSchedule,
        steps_per_epoch: int,
        staircase: bool = True,
    ):
        self.schedule, self.steps_per_epoch = schedule, steps_per_epoch
        self.staircase = staircase

    def __call__(self, step) -> tf.Tensor:
        """Return the learning rate at a training step."""
        epoch = tf.cast(step, tf.float32) / self.steps_per_epoch
        if self.staircase:
            # Integer division: float32 could round to the wrong epoch.
            epoch = tf.cast(step, tf.int64) // self.steps_per_epoch
            epoch = tf.cast(epoch, tf.float32)
        return self.schedule(epoch)

    def get_config(self) -> dict:
        """Return the settings to build the same schedule from."""
        return {
            "schedule": self.schedule,
            "steps_per_epoch": self.steps_per_epoch,
            "staircase": self.staircase,
        }


@gin.register
class WarmUp(keras.optimizers.schedules.LearningRateSchedule):
    """Linear warm-up from zero over `length` epochs, then `schedule`."""

    def __init__(
        self,
        schedule: keras.optimizers.schedules.LearningRateSchedule,
        length: float,
    ):
        self.schedule, self.length = schedule, length

    def __call__(self, epoch) -> tf.Tensor:
        """Return the learning rate at a (fractional) epoch."""
        epoch = tf.cast(epoch, tf.float32)
        warmup = epoch / self.length * self.schedule(tf.zeros_like(epoch))
        main = self.schedule(tf.maximum(epoch - self.length, 0.0))
        return tf.where(epoch < self.length, warmup, main)

    def get_config(self) -> dict:
        """Return the settings to build the same schedule from."""
        return {"schedule": self.schedule, "length": self.length}


SCHEDULES = [
    keras.optimizers.schedules.CosineDecay,
    keras.optimizers.schedules.CosineDecayRestarts,
    keras.optimizers.schedules.ExponentialDecay,
    keras.optimizers.schedules.PiecewiseConstantDecay,
]
for _class in [*SCHEDULES, keras.optimizers.AdamW]:
    gin.external_configurable(_class, module="keras")
