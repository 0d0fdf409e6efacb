"""What a step would do to the meta loss: the only nested tapes.

The train batch was forwarded once, under the step's own tape. The virtual
gradient is a pullback of `delta` through that tape, linear in `delta`, which
depends on omega; the outer tape sees just this and the meta batch's forward at
the virtual parameters. Layers below the scope do not depend on omega, so they
are never recorded: the cost falls with the scope.
"""

import re
from typing import NamedTuple

import keras
import tensorflow as tf

from fsr_gdw_tf import distribute, optimizers
from fsr_gdw_tf.errors import BadInput, choices
from fsr_gdw_tf.gradients import stay
from fsr_gdw_tf.networks.split import leaves


class Outlook(NamedTuple):
    """What a virtual step has shown."""

    omega: tf.Tensor
    slope: tf.Tensor  # d meta loss / d omega
    slopes: list[tf.Tensor]  # d meta loss / d method.meta_variables
    after: object  # what else the method saw at the virtual parameters


def lookahead(learner, method, batch, forward) -> Outlook:
    """omega, and the meta loss's gradient at omega and at what learns it.

    `method.start` says where omega starts from `method.meta_variables`;
    `method.objective` how it shapes the loss; `method.virtual_rate` and its
    kin how far the virtual step goes.
    """
    variables = scope_variables(learner, method.scope)
    phi = [v.value for v in method.meta_variables]
    with tf.GradientTape(watch_accessed_variables=False) as outer:
        outer.watch(phi)
        omega = method.start(learner, batch, forward.logits)
        outer.watch(omega)
        _, delta = learner.loss_and_delta(batch, forward.logits, omega)
        virtual = forward.tape.gradient(
            forward.logits,
            [v.value for v in variables],
            output_gradients=delta,
            unconnected_gradients="zero",
        )
        virtual = distribute.add_up(virtual)
        theta_hat = [
            (v, _virtual_step(learner, method, v, g))
            for v, g in zip(variables, virtual, strict=True)
        ]
        with keras.StatelessScope(state_mapping=theta_hat):
            loss, after = method.meta_loss(learner, batch, forward)
    slope, *slopes = outer.gradient(
        loss, [omega, *phi], unconnected_gradients="zero"
    )
    return Outlook(omega, slope, slopes, after)


def _virtual_step(learner, method, variable, gradient) -> tf.Tensor:
    """theta - rate (momentum m + gradient + l2 theta), each part a switch.

    If it is not taken, its value is never asked for, and never computed.
    """
    optimizer = learner.optimizer
    rate = method.virtual_rate  # a plain float takes any precision
    if rate is None:
        rate = tf.cast(optimizer.learning_rate, gradient.dtype)
    if method.virtual_l2:
        gradient += learner.l2 * variable.value
    wanted = method.virtual_momentum
    if wanted or wanted is None:
        gradient += optimizers.momentum_term(optimizer, variable, wanted)
    if method.ahead:
        return variable.value - rate * gradient
    return stay(variable.value, rate * gradient)


def scope_variables(learner, scope: str) -> list[keras.Variable]:
    """What the virtual step moves: "all", "head", or a layer and all after.

    A layer is named by a regular expression that its name must contain.
    """
    head = list(learner.head.trainable_variables)
    if scope == "all":
        return learner.network_variables
    if scope == "head":
        return head
    layers = leaves(learner.features)
    names = [layer.name for layer in layers]
    try:
        hits = [i for i, name in enumerate(names) if re.search(scope, name)]
    except re.error as error:
        raise BadInput(
            f"the scope {scope!r} is no regular expression: {error}"
        ) from error
    if not hits:
        trainable = {layer.name for layer in layers if layer.trainable_weights}
        raise BadInput(
            f"no layer matches the scope {scope!r}: "
            f"{choices(scope, {'all', 'head', *trainable})}"
        )
    above = [v for layer in layers[hits[0] :] for v in layer.trainable_weights]
    return [*above, *head]
