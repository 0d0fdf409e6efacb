"""Where the virtual step leads: the weights at which the meta loss is taken."""

import dataclasses

import keras
import tensorflow as tf

from fsr_gdw_tf import optimizers
from fsr_gdw_tf.lookahead.settings import MOMENTUM, OPTIMIZER, VirtualStep
from fsr_gdw_tf.method import Method
from fsr_gdw_tf.networks.scope import scope_variables


def without_batch(classifier: keras.Model, method: Method) -> list[tf.Tensor]:
    """Return the scope's weights before the training batch is known.

    The current ones or, with `ahead="momentum"`, those that the optimizer's
    momentum alone leads to.
    """
    variables = scope_variables(classifier, method.scope)
    step = method.virtual_step
    if step.ahead != MOMENTUM:
        return [v.value for v in variables]
    step = dataclasses.replace(step, momentum=True)
    return [
        move(classifier, step, v, tf.zeros_like(v.value)) for v in variables
    ]


def rate(
    classifier: keras.Model, step: VirtualStep, dtype: tf.DType
) -> float | tf.Tensor:
    """Return the learning rate of the virtual step."""
    if step.rate == OPTIMIZER:
        return tf.cast(classifier.optimizer.learning_rate, dtype)
    return step.rate  # a float: any precision


def move(
    classifier: keras.Model,
    step: VirtualStep,
    variable: keras.Variable,
    gradient: tf.Tensor,
) -> tf.Tensor:
    """Return theta - rate (momentum m + gradient + l2 theta).

    Eq. 9 of GDW, Algorithm 1 of FSR; momentum and L2 can be switched off.
    """
    optimizer = classifier.optimizer
    if step.l2:
        gradient += classifier.l2 * variable.value
    if step.momentum:
        required = step.momentum != OPTIMIZER
        gradient += optimizers.momentum_term(optimizer, variable, required)
    # Not float * gradient: that of an embedding is sparse.
    return variable.value - tf.multiply(
        gradient, rate(classifier, step, gradient.dtype)
    )
