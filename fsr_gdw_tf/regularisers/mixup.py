"""MixUp: train on convex combinations of pairs of examples.

Zhang et al., "mixup: Beyond Empirical Risk Minimization",
https://arxiv.org/abs/1710.09412. Deviations: the coefficient is drawn per
example, not per batch, and is at least 1/2, so that an example keeps the
larger part of itself and its index and label stay meaningful; both as in the
official code of FSR.
"""

import gin
import keras
import numpy as np
import tensorflow as tf
from scipy.stats import beta

from fsr_gdw_tf.distribution import collectives
from fsr_gdw_tf.errors import InvalidInput, suggest_names
from fsr_gdw_tf.method import Regulariser
from fsr_gdw_tf.networks.split import leaf_layers


def official_lambda(u: tf.Tensor, alpha: float) -> tf.Tensor:
    """1 - u^2 / 2 for uniform u: FSR's own law, mean 5/6 (no alpha)."""
    return 1.0 - u**2 / 2.0


def beta_lambda(u: tf.Tensor, alpha: float) -> tf.Tensor:
    """max(l, 1 - l) with l ~ Beta(alpha, alpha): the law of the MixUp paper.

    Read off a table of quantiles, because XLA has no gamma sampler.
    """
    cells = 4096
    quantiles = np.linspace(0.5, 1.0, cells + 1)
    table = tf.constant(beta.ppf(quantiles, alpha, alpha), tf.float32)
    cell = tf.minimum(tf.cast(u * cells, tf.int32), cells - 1)
    rest = u * cells - tf.cast(cell, tf.float32)
    low, high = tf.gather(table, cell), tf.gather(table, cell + 1)
    return low + rest * (high - low)


LAWS = {"official": official_lambda, "beta": beta_lambda}


@gin.register
class MixUp(Regulariser):
    """Mix each example with another of its batch; keeps the un-mixed ones.

    The batch gains `unmixed_inputs` and `unmixed_label`.
    """

    def __init__(self, law="official", alpha=0.5, seed: int = 0, **kwargs):
        super().__init__(**kwargs)
        if law not in LAWS:
            raise InvalidInput(
                f"no MixUp law {law!r}: {suggest_names(law, LAWS)}"
            )
        self.law, self.alpha, self.seed = law, alpha, seed

    def setup(self, classifier, source, pipeline) -> None:
        remedy = "leave MixUp out, such as regularisers=[Relabel()]"
        require_mixable(classifier.features, "MixUp", remedy)

    def prepare(self, classifier, batch):
        inputs, label = tf.cast(batch["inputs"], tf.float32), batch["label"]
        u = collectives.step_uniform(
            classifier.optimizer.iterations,
            self.seed,
            collectives.MIXING,
            [2, tf.shape(label)[0]],
        )
        share = LAWS[self.law](u[0], self.alpha)
        partner = tf.argsort(u[1])
        of_label = self.label_share(label, partner, share)
        mixed = {
            **batch,
            "inputs": mix(inputs, partner, share),
            "label": mix(label, partner, of_label),
            "unmixed_inputs": batch["inputs"],
            "unmixed_label": label,
        }
        if "weight" in batch:
            mixed |= weigh(label, batch["weight"], partner, of_label)
        return mixed

    def label_share(self, label, partner, share) -> tf.Tensor:
        """How much of each label stays: as much as of its image."""
        return share


def weigh(label, weight, partner, share) -> dict[str, tf.Tensor]:
    """Each of two labels with its own weight: a label, and the weight of both.

    Their cross-entropies add up to that of the label times the weight.
    """
    total = mix(weight, partner, share)
    both = mix(label * weight[:, None], partner, share)
    mixed = tf.math.divide_no_nan(both, total[:, None])
    return {
        "label": tf.where(total[:, None] > 0, mixed, label),
        "weight": total,
    }


def require_mixable(features: keras.Model, who: str, remedy: str) -> None:
    """Refuse inputs that stand for something else."""
    if not mixable(features):
        raise InvalidInput(
            f"{who} averages inputs, but this network looks them up by number "
            f"(integer inputs, or an Embedding); {remedy}"
        )


def mixable(features: keras.Model) -> bool:
    """Whether the average of two inputs is an input."""
    looked_up = (keras.layers.Embedding, keras.layers.StringLookup)
    by_number = keras.backend.is_int_dtype(features.inputs[0].dtype)
    return not by_number and not any(
        isinstance(layer, looked_up) for layer in leaf_layers(features)
    )


def mix(x: tf.Tensor, partner: tf.Tensor, share: tf.Tensor) -> tf.Tensor:
    """share x + (1 - share) x[partner], along the batch axis."""
    share = tf.reshape(share, [-1] + [1] * (x.shape.rank - 1))
    share = tf.cast(share, x.dtype)
    return share * x + (1 - share) * tf.gather(x, partner)
