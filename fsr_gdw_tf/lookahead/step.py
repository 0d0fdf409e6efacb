"""The meta loss after a virtual step, and its gradients: the only nested tapes.

The training batch was forwarded once, under the step's own tape. The virtual
gradient is a vector-Jacobian product of `delta` with that tape: it is linear in
`delta`, which depends on omega, and the outer tape records this product alone.
The meta loss has a tape of its own at the virtual parameters; its gradient
there goes back to omega through the outer tape. Layers below the scope do not
depend on omega, so they are never recorded: a smaller scope costs less.
"""

from typing import NamedTuple

import keras
import tensorflow as tf

from fsr_gdw_tf.distribution import collectives
from fsr_gdw_tf.lookahead import meta_loss, virtual_weights
from fsr_gdw_tf.lookahead.finite_difference import displacement, output_change
from fsr_gdw_tf.lookahead.settings import CENTRAL, EXACT
from fsr_gdw_tf.method import Batch, Forward, Method
from fsr_gdw_tf.networks.scope import scope_variables


class LookaheadResult(NamedTuple):
    """Gradients of the meta loss after a virtual step."""

    omega: tf.Tensor
    omega_grad: tf.Tensor  # d meta loss / d omega
    meta_grads: list[tf.Tensor]  # d meta loss / d method.meta_variables
    aux: object  # what else `compute_meta_loss` returned


def lookahead(
    classifier: keras.Model, method: Method, batch: Batch, forward: Forward
) -> LookaheadResult:
    """Return omega, and the meta loss's gradients after a virtual step with it.

    `method.start` computes omega from `method.meta_variables`; the gradients
    are with respect to both. The virtual step is down `method.objective`.
    """
    step, phi = method.virtual_step, [v.value for v in method.meta_variables]
    with tf.GradientTape(watch_accessed_variables=False) as outer:
        outer.watch(phi)
        omega = method.start(classifier, batch, forward.logits)
        outer.watch(omega)
        _, delta = classifier.loss_and_delta(batch, forward.logits, omega)
        # If it is not used, it is never computed in a graph.
        theta_hat = _virtual_step(classifier, method, forward, delta)
    meta_grad, aux = _meta_gradient(
        classifier, method, batch, forward, theta_hat
    )
    target, along = theta_hat, meta_grad
    if step.hypergradient != EXACT:
        target = delta
        along = _delta_gradient(classifier, method, batch, forward, meta_grad)
    omega_grad, *meta_grads = outer.gradient(
        target,
        [omega, *phi],
        output_gradients=along,
        unconnected_gradients="zero",
    )
    return LookaheadResult(omega, omega_grad, meta_grads, aux)


def _meta_gradient(
    classifier: keras.Model,
    method: Method,
    batch: Batch,
    forward: Forward,
    theta_hat: list[tf.Tensor],
) -> tuple[list[tf.Tensor], object]:
    """Return the meta gradient where the settings take it, and its aux."""
    if "meta_grad" in batch:
        return batch["meta_grad"], None
    theta = theta_hat
    if not method.virtual_step.uses_batch:
        theta = virtual_weights.without_batch(classifier, method)
    gradient, aux = meta_loss.meta_gradient(
        classifier, method, batch, forward, theta
    )
    return meta_loss.averaged(classifier, method, gradient), aux


def _delta_gradient(
    classifier: keras.Model,
    method: Method,
    batch: Batch,
    forward: Forward,
    meta_grad: list[tf.Tensor],
) -> tf.Tensor:
    """Return d meta loss / d delta, from how the logits change along meta_grad.

    The virtual step is theta - rate J^T delta, so this is -rate J meta_grad.
    """
    variables = scope_variables(classifier, method.scope)
    step = method.virtual_step

    def logits():
        if method.scope == "head":
            return classifier.head(forward.features)
        return classifier(batch["inputs"], training=True)

    change = output_change(
        logits,
        forward.logits,
        [(v, v.value) for v in variables],
        collectives.all_reduce_sum(
            [tf.convert_to_tensor(g) for g in meta_grad]
        ),
        batch["random_states"],
        distance=displacement(forward.features.dtype.name),
        central=step.hypergradient == CENTRAL,
    )
    rate = virtual_weights.rate(classifier, step, change.dtype)
    return -tf.multiply(change, rate)


def _virtual_step(
    classifier: keras.Model, method: Method, forward: Forward, delta: tf.Tensor
) -> list[tf.Tensor]:
    """Return theta_hat, the scope's weights after the virtual step."""
    variables = scope_variables(classifier, method.scope)
    gradients = forward.tape.gradient(
        forward.logits,
        [v.value for v in variables],
        output_gradients=delta,
        unconnected_gradients="zero",
    )
    gradients = collectives.all_reduce_sum(gradients)
    return [
        virtual_weights.move(classifier, method.virtual_step, v, g)
        for v, g in zip(variables, gradients, strict=True)
    ]
