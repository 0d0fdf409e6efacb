"""MixUp: train on convex combinations of pairs of examples.

Zhang et al., "mixup: Beyond Empirical Risk Minimization",
https://arxiv.org/abs/1710.09412. Deviations: the coefficient is drawn per
example, not per batch, and is at least 1/2, so that an example is the larger
part of its mixture and its index and label stay meaningful; both as in the
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
from fsr_gdw_tf.networks.mixable_inputs import mixable_inputs


def official_lambda(u: tf.Tensor, alpha: float) -> tf.Tensor:
    """Return 1 - u^2 / 2 for uniform u: the law of FSR's code, mean 5/6."""
    return 1.0 - u**2 / 2.0


def beta_lambda(u: tf.Tensor, alpha: float) -> tf.Tensor:
    """Return max(l, 1 - l), l ~ Beta(alpha, alpha): the MixUp paper's law."""
    # Interpolated in a table of quantiles, because XLA has no gamma sampler.
    cells = 4096
    quantiles = np.linspace(0.5, 1.0, cells + 1)
    table = tf.constant(beta.ppf(quantiles, alpha, alpha), tf.float32)
    cell = tf.minimum(tf.cast(u * cells, tf.int32), cells - 1)
    fraction = u * cells - tf.cast(cell, tf.float32)
    low, high = tf.gather(table, cell), tf.gather(table, cell + 1)
    return low + fraction * (high - low)


LAWS = {"official": official_lambda, "beta": beta_lambda}


@gin.register
class MixUp(Regulariser):
    """Mixtures of each example with another one of its batch.

    The un-mixed batch stays available as `unmixed_inputs`, `unmixed_label`. Of
    several inputs those that cannot be averaged (integers, strings, and what an
    Embedding reads) are those of the example itself.

    law: of the coefficients, "official" (FSR's code) or "beta" (the paper).
    alpha: of the beta law.
    """

    def __init__(
        self,
        law: str = "official",
        alpha: float = 0.5,
        seed: int = 0,
        **kwargs,
    ):
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
        inputs, label = batch["inputs"], batch["label"]
        u = collectives.step_uniform(
            classifier.optimizer.iterations,
            self.seed,
            collectives.MIXING,
            [2, tf.shape(label)[0]],
        )
        share = LAWS[self.law](u[0], self.alpha)
        partner = tf.argsort(u[1])  # a random permutation
        label_share = self.label_share(label, partner, share)
        mixed = {
            **batch,
            "inputs": mix_inputs(classifier, inputs, partner, share),
            "label": mix(label, partner, label_share),
            "unmixed_inputs": inputs,
            "unmixed_label": label,
        }
        if "weight" in batch:
            mixed |= mix_weighted(label, batch["weight"], partner, label_share)
        return mixed

    def label_share(
        self, label: tf.Tensor, partner: tf.Tensor, share: tf.Tensor
    ) -> tf.Tensor:
        """Return each label's share in the mixed label: its image's share."""
        return share


def mix_weighted(
    label: tf.Tensor, weight: tf.Tensor, partner: tf.Tensor, share: tf.Tensor
) -> dict[str, tf.Tensor]:
    """Return mixed labels and weights, from labels that have their own weights.

    The mixture's weighted cross-entropy is that of the two weighted labels.
    """
    total = mix(weight, partner, share)
    weighted_label = mix(label * weight[:, None], partner, share)
    mixed = tf.math.divide_no_nan(weighted_label, total[:, None])
    return {
        "label": tf.where(total[:, None] > 0, mixed, label),
        "weight": total,
    }


def require_mixable(
    features: keras.layers.Layer, name: str, remedy: str
) -> None:
    """Raise if no input can be averaged; `name` is what averages them."""
    mixable = mixable_inputs(features)
    if mixable is not None and not any(mixable):
        raise InvalidInput(
            f"{name} averages inputs, but this network looks them up by number "
            f"(integer or string inputs, or an Embedding); {remedy}"
        )


def mix_inputs(
    classifier: keras.Model, inputs, partner: tf.Tensor, share: tf.Tensor
):
    """Return a batch whose inputs are mixed, those that can be averaged."""
    parts = tf.nest.flatten(inputs)
    mixable = mixable_inputs(classifier.features)
    if mixable is None:
        mixable = [part.dtype.is_floating for part in parts]
    mixed = [
        mix(tf.cast(part, tf.float32), partner, share) if can_mix else part
        for part, can_mix in zip(parts, mixable, strict=True)
    ]
    return tf.nest.pack_sequence_as(inputs, mixed)


def mix(x: tf.Tensor, partner: tf.Tensor, share: tf.Tensor) -> tf.Tensor:
    """Return share x + (1 - share) x[partner], along the batch axis."""
    share = tf.reshape(share, [-1] + [1] * (x.shape.rank - 1))
    share = tf.cast(share, x.dtype)
    return share * x + (1 - share) * tf.gather(x, partner)
