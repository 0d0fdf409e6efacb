"""How the outputs of a network change along a direction of its weights.

The product of the Jacobian with a vector, by finite differences: one more
forward pass (two for central differences) in place of a second-order gradient.
"""

from collections.abc import Callable, Sequence

import keras
import tensorflow as tf

from fsr_gdw_tf.networks.split import leaf_layers

MANTISSA = {"float16": 10, "bfloat16": 7, "float32": 23, "float64": 52}  # bits


def random_states(layer: keras.layers.Layer) -> list[tuple]:
    """Return (variable, value) of the random generators of dropout layers.

    With these values a forward pass draws the masks that the next one draws.
    """
    states = [
        variable
        for part in leaf_layers(layer)
        for variable in part.non_trainable_variables
        if variable.name == "seed_generator_state"
    ]
    return [(state, tf.identity(state.value)) for state in states]


def displacement(dtype: str) -> float:
    """Return how far the weights are moved, for a type of activations.

    The square root of its precision balances rounding, which a small one
    magnifies, and curvature. Measured, relative error of the change of logits:
    a small CNN in float32 1.0 % with 1e-4, 1.5 % with 1e-3, 4 % with .01 (this
    is 3e-4); ResNet-8 5, 4 and 14 %; the CNN in bfloat16 47 % with .01, 18 %
    with .03, 17 % with .1 (this is .09). Central differences: two thirds of it.
    """
    return 2.0 ** (-MANTISSA[dtype] / 2)


def output_change(
    forward: Callable[[], tf.Tensor],
    outputs: tf.Tensor,
    weights: Sequence[tuple[keras.Variable, tf.Tensor]],
    direction: Sequence[tf.Tensor],
    states: Sequence[tuple[keras.Variable, tf.Tensor]] = (),
    *,
    distance: float,
    central: bool = False,
) -> tf.Tensor:
    """Return the derivative of the outputs along a direction of the weights.

    forward: a forward pass, whose result at the weights is `outputs`.
    weights: variables, and the values at which the derivative is taken.
    states: other variables, and the values that the pass begins with.
    distance: by how much the weights are moved.
    """
    norm = tf.linalg.global_norm(direction)
    step = tf.math.divide_no_nan(tf.cast(distance, norm.dtype), norm)

    def moved(sign: float) -> tf.Tensor:
        state = [
            (variable, value + tf.cast(sign * step, value.dtype) * along)
            for (variable, value), along in zip(weights, direction, strict=True)
        ]
        with keras.StatelessScope(state_mapping=[*state, *states]):
            return forward()

    ahead = moved(1.0)
    behind = moved(-1.0) if central else outputs
    width = tf.cast(2.0 * step if central else step, outputs.dtype)
    return tf.math.divide_no_nan(ahead - behind, width)
