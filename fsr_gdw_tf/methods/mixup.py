"""MixUp: train on convex combinations of pairs of examples.

Zhang et al., "mixup: Beyond Empirical Risk Minimization",
https://arxiv.org/abs/1710.09412. Deviations: the coefficient is drawn per
example, not per batch, and is at least 1/2, so that an example keeps the
larger part of itself and its index and label stay meaningful; both as in the
official code of FSR.
"""

import gin
import tensorflow as tf

from fsr_gdw_tf import distribute
from fsr_gdw_tf.errors import BadInput, choices
from fsr_gdw_tf.methods.base import Regulariser


def official_lambda(shape, seed: tf.Tensor, alpha: float) -> tf.Tensor:
    """1 - u^2 / 2 with u ~ U(0, 1): FSR's own law, mean 5/6 (no alpha)."""
    return 1.0 - tf.random.stateless_uniform(shape, seed) ** 2 / 2.0


def beta_lambda(shape, seed: tf.Tensor, alpha: float) -> tf.Tensor:
    """max(l, 1 - l) with l ~ Beta(alpha, alpha): the law of the MixUp paper."""
    gammas = tf.random.stateless_gamma(tf.concat([[2], shape], 0), seed, alpha)
    share = tf.math.divide_no_nan(gammas[0], gammas[0] + gammas[1])
    return tf.maximum(share, 1.0 - share)


LAWS = {"official": official_lambda, "beta": beta_lambda}


@gin.register
class MixUp(Regulariser):
    """Mix each example with another of its batch; keeps the un-mixed ones.

    The batch gains `unmixed_inputs` and `unmixed_label`.
    """

    def __init__(self, law="official", alpha=0.5, seed: int = 0, **kwargs):
        super().__init__(**kwargs)
        if law not in LAWS:
            raise BadInput(f"no MixUp law {law!r}: {choices(law, LAWS)}")
        self.law, self.alpha, self.seed = law, alpha, seed

    def prepare(self, learner, batch):
        """Mix inputs and labels with the same coefficient."""
        inputs, label = tf.cast(batch["inputs"], tf.float32), batch["label"]
        step = learner.optimizer.iterations
        seed = distribute.step_seed(self.seed, step)
        share = LAWS[self.law](tf.shape(label)[:1], seed, self.alpha)
        partner = tf.argsort(
            tf.random.stateless_uniform(tf.shape(label)[:1], seed + 1)
        )
        return {
            **batch,
            "inputs": mix(inputs, partner, share),
            "label": mix(label, partner, share),
            "unmixed_inputs": batch["inputs"],
            "unmixed_label": label,
        }


def mix(x: tf.Tensor, partner: tf.Tensor, share: tf.Tensor) -> tf.Tensor:
    """share x + (1 - share) x[partner], along the batch axis."""
    share = tf.reshape(share, [-1] + [1] * (x.shape.rank - 1))
    share = tf.cast(share, x.dtype)
    return share * x + (1 - share) * tf.gather(x, partner)
