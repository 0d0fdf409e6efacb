"""CRUST: train on the half of each class whose gradients lie together.

Mirzasoleiman et al., "Coresets for Robust Training of Neural Networks against
Noisy Labels", https://arxiv.org/abs/2011.07451. The rule and its constants are
those of the authors' code, which differs from the text: it takes the examples
with the smallest sum of distances to their class, where the text speaks of a
greedy facility location, and its images are mixed with others of the same given
label, not of the same cluster. Deviations: gradients are those of images as
tests see them; batches are drawn from all examples, those that are not selected
weigh nothing, so that a batch trains on about half of its size; images are
mixed with others of their own batch. The radius of the code is larger than any
distance there is: an example weighs as much as its class has members.
"""

import gin
import numpy as np
import tensorflow as tf
from sklearn.metrics import pairwise_distances_chunked

from fsr_gdw_tf.distribution import collectives
from fsr_gdw_tf.errors import require_range
from fsr_gdw_tf.example_state import (
    example_table,
    require_indices,
    require_table_fits,
)
from fsr_gdw_tf.method import epochs_since_warmup, warmup_done
from fsr_gdw_tf.methods.reweighting import ReweightingMethod, mean_one
from fsr_gdw_tf.regularisers.mixup import mix, require_mixable


@gin.register
class CRUST(ReweightingMethod):
    """Weight zero for those whose gradient is far from their class.

    share: of each class that is selected, anew before each epoch.
    radius: an example weighs as much as it has neighbours this near.
    blend: of Beta(1, blend), how much of an image stays; 0 mixes nothing.
    """

    def __init__(
        self,
        share: float = 0.5,
        radius: float = 2.0,
        blend: float = 0.1,
        warmup: float = 5,
        seed: int = 0,
        **kwargs,
    ):
        super().__init__(warmup=warmup, **kwargs)
        require_range(1e-6, 1 + 1e-9, share=share)
        require_range(0, 10, blend=blend)
        require_range(1e-30, np.inf, radius=radius)
        self.share, self.radius = share, radius
        self.blend, self.seed = blend, seed
        self.selected = None

    def setup(self, classifier, source, pipeline) -> None:
        require_indices("CRUST", source)
        if self.blend:
            require_mixable(classifier.features, "CRUST", "take blend=0")
        width = classifier.features.outputs[0].shape[-1]
        require_table_fits((len(source), width), "choose another method")
        super().setup(classifier, source, pipeline)
        self.pipeline = pipeline
        if self.selected is None:
            self.selected = example_table(self, "selected", len(source), 1.0)

    def begin_epoch(self, classifier, source, clean) -> None:
        if epochs_since_warmup(classifier, self.warmup) < 0:
            return
        probs = classifier.predict(source, pipeline=self.pipeline, verbose=0)
        probs[np.arange(len(source)), source.labels] -= 1
        gradients = (
            probs
            @ np.array(classifier.head.kernel).T
            / self.pipeline.batch_size
        )
        weights = np.zeros(len(source), np.float32)
        for k in np.unique(source.labels):
            members = np.flatnonzero(source.labels == k)
            weights[members] = central(
                gradients[members], self.share, self.radius
            )
        self.selected.assign(weights)

    def prepare(self, classifier, batch):
        # Blend images with others of the same given label.
        if not self.blend:
            return batch
        n = tf.shape(batch["label"])[0]
        u = collectives.step_uniform(
            classifier.optimizer.iterations,
            self.seed,
            collectives.MIXING,
            [n + 1, n],
        )
        same = batch["label"] @ tf.transpose(batch["label"])
        partner = tf.argmax(tf.cast(same, u.dtype) * (u[:n] + 1e-6), axis=1)
        stays = 1.0 - u[n, 0] ** (1.0 / self.blend)
        stays = tf.where(warmup_done(classifier, self.warmup), stays, 1.0)
        inputs = tf.cast(batch["inputs"], "float32")
        inputs = mix(inputs, partner, tf.repeat(stays, n))
        return {**batch, "inputs": inputs}

    def example_weights(self, classifier, batch, logits) -> tf.Tensor:
        omega = mean_one(tf.gather(self.selected.value, batch["index"]))
        return tf.cast(omega, logits.dtype)[:, None]


def central(points: np.ndarray, share: float, radius: float) -> np.ndarray:
    """How many are near each of the most central points; zero elsewhere."""

    def both(distances, start):
        near = (distances < radius).sum(axis=1)
        return np.stack([distances.sum(axis=1), near], axis=1)

    found = pairwise_distances_chunked(points, reduce_func=both)
    sums, near = np.concatenate(list(found)).T
    most = max(int(share * len(points)), 1)
    chosen = np.argsort(sums, kind="stable")[:most]
    weights = np.zeros(len(points), np.float32)
    weights[chosen] = near[chosen]
    return weights
