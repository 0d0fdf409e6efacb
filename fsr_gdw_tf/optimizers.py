"""Optimizers with the arithmetic of both papers' code, and schedules in epochs.

Keras' SGD keeps the learning rate inside the momentum buffer, so a change of
the rate acts late; here m <- momentum m + g, theta <- theta - rate m, as in
PyTorch and in TensorFlow's old MomentumOptimizer. L2 is not here: the
classifier adds `l2 * theta` to the gradient before any optimizer sees it.
"""

import contextlib

import gin
import keras
import numpy as np
import tensorflow as tf

from fsr_gdw_tf.distribution import collectives
from fsr_gdw_tf.errors import InvalidInput


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


@gin.register(module="fsr_gdw_tf")
class Adam(keras.optimizers.Optimizer):
    """Adam with epsilon where the paper and PyTorch have it.

    theta <- theta - rate m^ / (sqrt(v^) + epsilon), both bias-corrected first;
    Keras adds epsilon before the correction, and a larger one.
    """

    def __init__(
        self,
        learning_rate=1e-3,
        beta_1=0.9,
        beta_2=0.999,
        epsilon=1e-8,
        **kwargs,
    ):
        super().__init__(learning_rate=learning_rate, **kwargs)
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon

    def build(self, variables) -> None:
        """Two moments per variable."""
        if self.built:
            return
        super().build(variables)
        self.means, self.squares = (
            [self.add_variable_from_reference(v, name=name) for v in variables]
            for name in ("mean", "square")
        )

    def update_step(self, gradient, variable, learning_rate) -> None:
        """Kingma & Ba, https://arxiv.org/abs/1412.6980, Algorithm 1."""
        dtype = variable.dtype
        rate = keras.ops.cast(learning_rate, dtype)
        gradient = keras.ops.cast(gradient, dtype)
        step = keras.ops.cast(self.iterations + 1, dtype)
        index = self._get_variable_index(variable)
        mean, square = self.means[index], self.squares[index]
        b1, b2 = self.beta_1, self.beta_2
        self.assign(mean, b1 * mean + (1 - b1) * gradient)
        self.assign(square, b2 * square + (1 - b2) * gradient**2)
        # Plain floats take the tensor's precision; ops.cast would round them.
        mean_hat = mean / (1 - b1**step)
        square_hat = square / (1 - b2**step)
        root = keras.ops.sqrt(square_hat) + self.epsilon
        self.assign_sub(variable, rate * mean_hat / root)

    def get_config(self) -> dict:
        """What is needed to build the same optimizer again."""
        names = ("beta_1", "beta_2", "epsilon")
        return {
            **super().get_config(),
            **{name: getattr(self, name) for name in names},
        }


def clone_optimizer(optimizer: keras.optimizers.Optimizer):
    """One like it, for other variables, that follows its learning rate."""
    rate = optimizer._learning_rate
    is_variable = isinstance(rate, keras.Variable)
    first = float(np.array(rate)) if is_variable else rate
    try:
        config = optimizer.get_config() | {"learning_rate": first}
        other = type(optimizer).from_config(config)
    except NotImplementedError as error:
        raise InvalidInput(
            "the optimizer of a second network is a copy, and this one, or its "
            f"schedule, does not say how it was made ({error}); give it a "
            "get_config"
        ) from error
    other._learning_rate = rate  # the variable itself, if it is one
    return other


def add_l2(gradients, variables, l2: float) -> list:
    """g + l2 theta: the decay that momentum and Adam see."""
    if not l2:
        return gradients
    share = l2 / collectives.replicas()  # the optimizer adds replicas up
    return [
        None if g is None else g + share * v.value
        for g, v in zip(gradients, variables, strict=True)
    ]


def momentum_term(optimizer, variable, required=True) -> tf.Tensor | float:
    """momentum * m: what a step adds to the gradient, for either kind of SGD.

    Keras' own SGD keeps -rate * m. Other optimizers have no such term.
    """
    buffers = getattr(optimizer, "buffers", None) or getattr(
        optimizer, "momentums", None
    )
    if not buffers and not required:
        return 0.0
    if not buffers:
        raise InvalidInput(
            "a look-ahead with momentum needs SGD with momentum, got "
            f"{type(optimizer).__name__}; set virtual_momentum=False"
        )
    buffer = buffers[optimizer._get_variable_index(variable)].value
    if not isinstance(optimizer, SGD):
        rate = tf.cast(optimizer.learning_rate, buffer.dtype)
        buffer = tf.math.divide_no_nan(-buffer, rate)
    return optimizer.momentum * buffer


class EpochSchedule(keras.optimizers.schedules.LearningRateSchedule):
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


@gin.register
class WarmUp(keras.optimizers.schedules.LearningRateSchedule):
    """From zero in a straight line over `length` epochs, then `schedule`."""

    def __init__(self, schedule, length: float):
        self.schedule, self.length = schedule, length

    def __call__(self, epoch):
        """The learning rate at a (fractional) epoch."""
        epoch = tf.cast(epoch, tf.float32)
        rise = epoch / self.length * self.schedule(tf.zeros_like(epoch))
        late = self.schedule(tf.maximum(epoch - self.length, 0.0))
        return tf.where(epoch < self.length, rise, late)

    def get_config(self) -> dict:
        """What is needed to build the same schedule again."""
        return {"schedule": self.schedule, "length": self.length}


SCHEDULES = [
    keras.optimizers.schedules.CosineDecay,
    keras.optimizers.schedules.CosineDecayRestarts,
    keras.optimizers.schedules.ExponentialDecay,
    keras.optimizers.schedules.PiecewiseConstantDecay,
]
for _kind in [*SCHEDULES, keras.optimizers.AdamW]:
    gin.external_configurable(_kind, module="keras")


class MovingAverage(keras.layers.Layer):
    """An exponential moving average of weights, for tests and predictions."""

    def __init__(self, variables: list[keras.Variable], decay: float):
        super().__init__()
        self.sources, self.decay = variables, decay
        self.averages = [
            keras.Variable(v, trainable=False, name="ema") for v in variables
        ]

    @property
    def pairs(self) -> list[tuple[keras.Variable, keras.Variable]]:
        """Each weight and its average."""
        return list(zip(self.sources, self.averages, strict=True))

    def update(self, step: tf.Tensor) -> None:
        """Move the averages towards the weights after a step."""
        # The decay grows from 0.1: early averages forget the start.
        decay = tf.minimum(self.decay, (1.0 + step) / (10.0 + step))
        for v, average in self.pairs:
            average.assign(decay * average + (1.0 - decay) * v)

    def reset(self) -> None:
        """Start again from the current weights."""
        for v, average in self.pairs:
            average.assign(v)

    @contextlib.contextmanager
    def assigned(self):
        """Give the weights the values of their averages inside the block."""
        weights = [v.numpy() for v in self.sources]
        for v, average in self.pairs:
            v.assign(average)
        try:
            yield
        finally:
            for v, value in zip(self.sources, weights, strict=True):
                v.assign(value)
